"""Refusals, failures and broken connections."""

from crypto_assets_tests.pipeline.faults.fault import (
    AGAIN,
    BY_REST,
    KLINES,
    PAST,
    REFUSED,
    REST_TODAY,
    TIME,
    ZIP,
    During,
    End,
    Fault,
    answer,
    twice,
)

REFUSALS = (
    Fault(
        "429 with Retry-After",
        twice("status", status=429, retry_after=1),
        "all requests of the process wait as long as the header requires",
    ),
    Fault(
        "418, a ban",
        (answer("status", status=418, retry_after=1, **REST_TODAY, nth=1),),
        "no request is sent until the ban ends; the error contains that time",
        end=End.FAILED,
        message="banned this address until",
    ),
    Fault(
        "403, a firewall's page",
        (answer("status", status=403, **REST_TODAY),),
        REFUSED,
        end=End.FAILED,
        message="CRYPTO_EXCHANGE_URL",
    ),
    Fault(
        "451, a closed region",
        (answer("status", status=451, **REST_TODAY),),
        REFUSED,
        end=End.FAILED,
        message="region",
    ),
    Fault(
        "403 from the archive",
        (answer("status", status=403, path=ZIP, day=PAST),),
        REFUSED,
        end=End.FAILED,
        message="CRYPTO_EXCHANGE_URL",
    ),
    Fault("500 twice", twice("status", status=500), AGAIN),
    Fault("503 twice", twice("status", status=503), AGAIN),
    Fault(
        "502 permanently",
        (answer("status", status=502, **REST_TODAY),),
        "retried until the retry policy gives up",
        end=End.FAILED,
        message="HTTP 502",
    ),
    Fault("503 from the clock", (answer("status", status=503, path=TIME, nth=[1, 2]),), AGAIN),
    Fault(
        "429 in a tick",
        (answer("status", status=429, retry_after=1, path=KLINES, nth=1),),
        "the tick waits, then ingests its minutes",
        During.TICK,
    ),
    Fault(
        "504 for a whole tick",
        (answer("status", status=504, path=KLINES),),
        "the next tick ingests what this one could not",
        During.TICK,
        End.FAILED,
        message="HTTP 504",
    ),
)

TRANSPORT = (
    Fault("a response that never comes", (answer("stall", seconds=3, **REST_TODAY, nth=1),), AGAIN),
    Fault("a connection cut in the middle", twice("cut", keep=0.6), AGAIN),
    Fault("a body that ends too early", twice("truncate", keep=0.7), AGAIN),
    Fault("an error page as JSON", twice("malformed"), AGAIN),
    Fault(
        "a cut connection to the archive",
        (answer("cut", path=ZIP, day=PAST, nth=[1, 2]),),
        AGAIN,
    ),
    Fault(
        "half of an archive file",
        (answer("truncate", path=ZIP, day=PAST),),
        BY_REST,
        quarantined=1,
    ),
    Fault("a cut connection in a tick", (answer("cut", path=KLINES, nth=1),), AGAIN, During.TICK),
)

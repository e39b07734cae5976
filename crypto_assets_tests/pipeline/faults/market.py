"""What happens to the market itself, to its clock and to its history."""

from crypto_assets_tests.pipeline.faults.fault import (
    PAST,
    TIME,
    During,
    End,
    Fault,
    answer,
    file_,
    stretch,
)

MARKET = (
    Fault(
        "an outage of hours",
        stretch("outage", "2025-03-05T12:40Z", "2025-03-05T14:00Z"),
        "an outage in the ledger; nothing is filled in",
        lasts=True,
        ledger=("outage",),
    ),
    Fault(
        "an outage over midnight",
        stretch("outage", "2025-03-05T23:30Z", "2025-03-06T00:45Z"),
        "one outage in the ledger",
        lasts=True,
        ledger=("outage",),
    ),
    Fault(
        "an outage that goes on",
        stretch("outage", "2025-03-06T11:00Z", "2025-03-06T13:00Z"),
        "an outage in the ledger, and the next minutes when it ends",
        lasts=True,
        ledger=("outage",),
    ),
    Fault(
        "a listing in mid-range",
        (answer("list", symbol="BTCUSDT", at="2025-03-05T05:00Z"),),
        "before it, not listed",
        lasts=True,
        ledger=("not_listed",),
    ),
    Fault(
        "a delisting in mid-range",
        (answer("delist", symbol="BTCUSDT", at="2025-03-06T02:00Z"),),
        "after it, delisted",
        lasts=True,
        ledger=("delisted",),
    ),
    Fault(
        "a clock ninety seconds ahead",
        (answer("skew", seconds=90, path=TIME),),
        "the newest candle is not believed until a later one has begun",
        During.TICK,
    ),
    Fault(
        "a clock five minutes behind",
        (answer("skew", seconds=-300, path=TIME),),
        "by that clock less has closed; the next tick brings it",
        During.TICK,
        End.OPEN,
    ),
)

REVISIONS = (
    Fault(
        "candles revised before their archive appears",
        stretch(
            "revise", "2025-03-06T03:00Z", "2025-03-06T03:05Z", **{"from": "2025-03-06T20:00Z"}
        ),
        "the archive wins, hours and days follow, old and new values are recorded",
        During.CLOSING,
        lasts=True,
        revisions=5,
    ),
    Fault(
        "a late archive that was revised",
        (
            *file_("late", hours=24),
            *stretch(
                "revise", "2025-03-05T03:00Z", "2025-03-05T03:02Z", **{"from": "2025-03-06T20:00Z"}
            ),
        ),
        "read when it appears; hours and days follow, old and new values are recorded",
        During.CLOSING,
        lasts=True,
        says="not published",
        revisions=2,
    ),
    Fault(
        "a candle that was missing, and appears in the archive",
        stretch("outage", "2025-03-06T03:00Z", "2025-03-06T03:05Z", until="2025-03-06T20:00Z"),
        "the archive brings it, and its gap is closed",
        During.CLOSING,
        lasts=True,
    ),
    Fault(
        "a broken archive file, put right a day later",
        (answer("archive", how="corrupt", day=PAST, until="2025-03-06T20:00Z"),),
        "the day comes over REST, and from the archive once its file is sound",
        During.CLOSING,
        lasts=True,
        aside=1,
    ),
)

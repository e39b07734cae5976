"""The identity of an exchange: exact hosts, simulated exchanges by their candles, mirrors."""

import pytest

from crypto_assets.errors import ForeignExchange, WrongUse
from crypto_assets.exchange import BinanceExchange, BinanceRest, DailyArchive, open_exchange
from crypto_assets_tests.exchange.conftest import RETRY, Serve
from crypto_assets_tests.services.exchange import StartExchange
from crypto_assets_tests.services.scripted import Answer, in_turn

REAL = "https://api.binance.com"
REAL_ARCHIVE = "https://data.binance.vision"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (REAL, "binance"),
        ("https://api-gcp.binance.com", "binance"),
        ("https://api1.binance.com", "binance"),
        ("https://api2.binance.com", "binance"),
        ("https://api3.binance.com/", "binance"),
        ("https://api4.binance.com", "binance"),
        ("https://data-api.binance.vision", "binance"),
        (REAL_ARCHIVE, "binance"),
        ("https://API.Binance.COM.:443", "binance"),
        ("https://anna:secret@api.binance.com", "binance"),
        ("https://api.binance.us", "binance.us"),
        ("https://data.binance.us", "binance.us"),
        ("https://testnet.binance.vision", "testnet.binance.vision"),
        ("https://demo-api.binance.com", "demo-api.binance.com"),
        ("https://fapi.binance.com", "fapi.binance.com"),
        ("https://dapi.binance.com", "dapi.binance.com"),
        ("https://api5.binance.com", "api5.binance.com"),
        ("https://binance.com", "binance.com"),
        ("https://api.testnet.binance.us", "api.testnet.binance.us"),
        ("https://x.api.binance.com", "x.api.binance.com"),
        ("https://api.binance.com:8443", "api.binance.com:8443"),
        ("http://api.binance.com:443", "api.binance.com:443"),
        # A Cyrillic letter in place of a Latin one.
        ("https://\u0430pi.binance.com", "xn--pi-6kc.binance.com"),
    ],
)
def test_a_known_host_needs_no_request(url: str, name: str) -> None:
    assert BinanceRest(url).fetch_identity() == name
    assert DailyArchive(url).fetch_identity() == name


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("http://api.binance.com@", ""),
        ("http://api.binance.com:80@", ""),
        ("http://", "\\@api.binance.com"),
        ("http://", "/@api.binance.com"),
        ("http://", "?api.binance.com"),
    ],
)
def test_the_identity_is_the_host_of_the_connection(serve: Serve, before: str, after: str) -> None:
    server = serve(in_turn(Answer(200, b"{}")))
    address = server.url.removeprefix("http://")
    assert BinanceRest(f"{before}{address}{after}", RETRY).fetch_identity() == address
    assert server.requests


@pytest.mark.parametrize(
    "url",
    [
        "https://api.binance.com\t.evil.example",
        "https://a b.com",
        "https://:80",
        "ftp://a",
        "https://*.binance.com",
        "https://\N{SNOWMAN}.example",
        "https://a%00b.example",
    ],
)
def test_an_address_without_a_usable_host_is_refused(url: str) -> None:
    with pytest.raises(WrongUse, match="is not an exchange's address"):
        BinanceRest(url)


def test_the_identity_of_an_unknown_server_is_host_and_port(serve: Serve) -> None:
    one, two = (serve(in_turn(Answer(200, b"{}"))) for _ in range(2))
    identity = BinanceRest(one.url, RETRY).fetch_identity()
    assert identity == one.url.removeprefix("http://")
    assert BinanceRest(two.url, RETRY).fetch_identity() != identity


def test_a_simulated_exchange_is_identified_by_its_header(serve: Serve) -> None:
    simulated = serve(in_turn(Answer(404, b"", {"X-Simulated-Exchange": "seed-7"})))
    assert BinanceRest(simulated.url, RETRY).fetch_identity() == "simulated:seed-7"
    assert DailyArchive(simulated.url, RETRY).fetch_identity() == "simulated:seed-7"


def test_rest_and_archive_of_two_exchanges_are_refused(simulated_exchange: StartExchange) -> None:
    one, two = simulated_exchange(seed=1), simulated_exchange(seed=2)
    assert open_exchange(one.url, one.archive_url).resolve_identity().startswith("simulated:")
    for rest, archive, complaint in (
        (one.url, two.archive_url, "is simulated:seed=2"),
        (one.url, REAL_ARCHIVE, "is binance"),
        (REAL, one.archive_url, "is simulated:seed=1"),
        (REAL, "https://testnet.binance.vision", "is testnet.binance.vision"),
        ("https://testnet.binance.vision", REAL_ARCHIVE, "is binance"),
        (REAL, "https://data.binance.us", "is binance.us"),
        (REAL, "https://data.binance.vision:8443", "is data.binance.vision:8443"),
    ):
        with pytest.raises(ForeignExchange, match=f"{complaint}: set CRYPTO_EXCHANGE_URL and"):
            open_exchange(rest, archive).resolve_identity()


@pytest.mark.parametrize("status", [200, 403, 404])
def test_an_archive_without_an_identity_is_a_mirror(
    serve: Serve, simulated_exchange: StartExchange, status: int
) -> None:
    """A static server does not send our header and may not list folders."""
    mirror = DailyArchive(serve(in_turn(Answer(status, b"<html></html>"))).url, RETRY)
    assert BinanceExchange(BinanceRest(REAL), mirror).resolve_identity() == "binance"
    one = simulated_exchange(seed=4)
    assert BinanceExchange(BinanceRest(one.url), mirror).resolve_identity() == "simulated:seed=4"


def test_an_unknown_server_cannot_be_combined_with_the_real_archive(serve: Serve) -> None:
    unknown = BinanceRest(serve(in_turn(Answer(200, b"{}"))).url, RETRY)
    with pytest.raises(ForeignExchange, match="is binance: set"):
        BinanceExchange(unknown, DailyArchive(REAL_ARCHIVE)).resolve_identity()


@pytest.mark.parametrize(
    ("stored", "served", "name"),
    [
        (None, "binance", None),
        ("binance", "binance", "binance"),
        ("binance", "testnet.binance.vision", None),
        ("127.0.0.1", "127.0.0.1:9000", "127.0.0.1:9000"),
        ("::1", "[::1]:9000", "[::1]:9000"),
        ("127.0.0.1:9000", "127.0.0.1:9001", None),
        ("127.0.0.1", "127.0.0.2:9000", None),
        ("::1", "[::2]:9000", None),
        ("bücher.example", "xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("bücher.example", "xn--bcher-kva.example:9000", "xn--bcher-kva.example:9000"),
        ("bücher.example.", "xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example", "xn--strae-oqa.example"),
        ("mirror.example.", "mirror.example", "mirror.example"),
        ("mirror.example.", "mirror.example:9000", "mirror.example:9000"),
        ("mirror.example.", "mirror.example.org", None),
        ("bücher.example", "bucher.example", None),
        ("api.binance.com.", "binance", "binance"),
        ("api.binance.us.", "binance", None),
        ("testnet.binance.vision.", "testnet.binance.vision", "testnet.binance.vision"),
        ("testnet.binance.vision.", "binance", None),
        ("binance", "binance:9000", None),
        ("a b", "mirror.example", None),
        ("", "mirror.example", None),
        ("fapi.binance.com", "fapi.binance.com:8443", None),
        ("simulated:recorded", "simulated:recorded=A-1m:1:0123", "simulated:recorded=A-1m:1:0123"),
        ("simulated:recorded", "simulated:seed=1", None),
        ("simulated:recorded=A-1m:1:0123", "simulated:seed=1", None),
        # A proxy before the simulated exchange may hide the list of its files.
        ("simulated:recorded=0123", "simulated:recorded=A-1m:1:0123", None),
        ("simulated:recorded=A-1m:1:0123", "simulated:recorded=0123", None),
    ],
)
def test_an_identity_of_an_earlier_version_is_replaced(
    stored: str | None, served: str, name: str | None
) -> None:
    """Earlier versions stored no ports and no digests of recordings."""
    assert open_exchange(REAL, REAL_ARCHIVE).continue_identity(stored, served) == name

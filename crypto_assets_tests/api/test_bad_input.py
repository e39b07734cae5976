"""Invalid input is a 4xx with a one-line description of the problem, and never a 5xx."""

from urllib.parse import quote

import pytest
import requests

from crypto_assets_tests.api.conftest import Stock
from crypto_assets_tests.api.serving import BEARER, Api

INJECTIONS = (
    "BTCUSDT'; DROP TABLE symbols; --",
    "' OR '1'='1",
    'BTCUSDT" UNION SELECT 1',
    "BTCUSDT\x00",
    "../../etc/passwd",
    "BTCUSDT%27",
    "🚀" * 20,
    "A" * 5000,
)
_DAYS = {"from": "2025-01-01", "to": "2025-01-02"}
SYMBOL_PATHS = ("klines", "stats", "order-book", "analytics/data/rsi")


@pytest.fixture
def stock(sqlite_stock: Stock) -> Stock:
    return sqlite_stock


@pytest.mark.parametrize("path", SYMBOL_PATHS)
def test_an_invalid_symbol_is_a_404(api: Api, path: str, subtests: pytest.Subtests) -> None:
    for symbol in INJECTIONS:
        with subtests.test(symbol[:40]):
            answer = api.get(f"/api/{path}/{quote(symbol, safe='')}")
            assert answer.status_code == 404
            assert answer.json()["detail"]
            assert api.read("/api/symbols")["data"], "the table is still there"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("limit=0", "limit: Input should be greater than or equal to 1 (given: '0')"),
        ("limit=1001", "limit: Input should be less than or equal to 1000"),
        ("limit=99999999999999999999", "limit: Input should be less than or equal to 1000"),
        ("limit=1e3", "limit: Input should be a valid integer"),
        ("limit=", "limit: Input should be a valid integer"),
        ("interval=7m", "interval: Input should be '1m', '3m', '5m'"),
        ("interval=' OR 1=1", "interval: Input should be '1m'"),
        ("start=yesterday", "start: write it as 2025-01-31, 2025-01-31T12:00:00Z or epoch ms"),
        ("start=-1", "start: write it as"),
        ("start=2025-02-30", "start: write it as"),
        ("start=253402300800000", "start: Input should be less than or equal to"),
        ("start=0001-01-01", "start: Input should be greater than or equal to 0"),
        ("end=9999999999999999999999999", "end: Input should be less than"),
        ("end=" + "9" * 5000, "end: "),
        ("start=2025-03-06&end=2025-03-05", "must be before end"),
        ("start=5&end=5", "start (5) must be before end (5)"),
        ("limt=5", "no parameter 'limt'; available: interval, start, end, limit"),
        ("limit=x&interval=y", "limit: "),
        ("limit=5&limit=6", "limit is given more than once"),
        ("limit=%D9%A5", "limit: Input should be a valid integer"),
        ("start=NaN", "start: write it as"),
        ("start=20250305", "start: it may be a date, seconds or milliseconds: write it as 2025-01"),
        ("end=1741132800", "end: it may be a date, seconds or milliseconds: write it as"),
    ],
)
def test_an_invalid_parameter_is_a_422(api: Api, query: str, reason: str) -> None:
    answer = api.get(f"/api/klines/BTCUSDT?{query}")
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert reason in detail and "\n" not in detail and len(detail) < 500


@pytest.mark.parametrize(
    "path",
    [
        "pipeline/ingestion-log?limit=0",
        "pipeline/ingestion-log?offset=-1",
        "pipeline/ingestion-log?offset=10001",
        "pipeline/deduplication?days=32",
        "pipeline/gaps?start=9&end=9",
        "pipeline/gaps?closed=perhaps",
        "pipeline/quality?limit=5000",
        "pipeline/status?verbose=1",
        "order-book/BTCUSDT?levels=5001",
        "symbols?limit=1",
        "dashboard?x",
    ],
)
def test_other_routes_reject_invalid_parameters(api: Api, path: str) -> None:
    answer = api.get(f"/api/{path}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize("symbol", ["NOPE", "gaps'--"])
def test_an_unknown_symbol_in_a_query_is_a_404(api: Api, symbol: str) -> None:
    assert api.get("/api/pipeline/gaps", symbol=symbol).status_code == 404


def test_an_unknown_route_is_a_404(api: Api) -> None:
    answer = api.get("/api/candles/BTCUSDT")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "no route /api/candles/BTCUSDT; /docs lists all routes"
    wrong = api.send("PATCH", "/api/symbols")
    assert wrong.status_code == 405 and wrong.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("symbols", {}, "symbol: Field required"),
        ("symbols", {"symbol": "a b"}, "symbol: String should match pattern"),
        ("symbols", {"symbol": ["BTCUSDT"]}, "symbol: Input should be a valid string"),
        ("symbols", [], "Input should be a valid dictionary"),
        ("backfills", {"from": "2025-03-01"}, "to: Field required"),
        (
            "backfills",
            {"from": "20250301", "to": "2025-03-01"},
            "from: Input should be a valid day",
        ),
        ("backfills", {"from": 1740787200, "to": "2025-03-01"}, "day: write it as 2025-01-31"),
        ("backfills", {"from": "2025-03-32", "to": "2025-03-01"}, "from: Input should be a valid"),
        ("backfills", {**_DAYS, "symbols": []}, "symbols: name at least one, or leave symbols out"),
        ("backfills", {"from": 5, "to": "x", "symbols": "BTCUSDT"}, "symbols: Input should be"),
    ],
)
def test_an_invalid_body_is_a_422(api: Api, path: str, body: object, reason: str) -> None:
    answer = api.send("POST", f"/api/{path}", json=body)
    assert answer.status_code == 422
    assert reason in answer.json()["detail"]


def test_a_malformed_or_large_body_is_refused(api: Api) -> None:
    headers = {**BEARER, "Content-Type": "application/json"}
    broken = requests.post(f"{api.url}/api/symbols", data="{", headers=headers, timeout=10)
    assert broken.status_code == 422
    assert broken.json()["detail"] == "the body: JSON decode error at character 1"
    text = b'{"symbol": "\xff"}'
    noise = requests.post(f"{api.url}/api/symbols", data=text, headers=headers, timeout=10)
    assert noise.status_code == 422 and "parsing the body" in noise.json()["detail"]
    huge = requests.post(f"{api.url}/api/symbols", data=b" " * 70_000, headers=headers, timeout=10)
    assert huge.status_code == 413 and "larger than 65536" in huge.json()["detail"]
    chunked = requests.post(
        f"{api.url}/api/symbols", data=iter([b" " * 40_000] * 2), headers=headers, timeout=10
    )
    assert chunked.status_code == 413

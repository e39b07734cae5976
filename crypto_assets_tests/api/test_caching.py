"""HTTP caching and compression."""

import pytest
import requests

from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.conftest import UNTIL, Stock
from crypto_assets_tests.api.serving import Api, create_context, serve_api
from crypto_assets_tests.reports.stock import describe, generated, load

KLINES = "/api/klines/BTCUSDT"


@pytest.fixture
def stock(sqlite_stock: Stock) -> Stock:
    return sqlite_stock


@pytest.mark.parametrize("path", [KLINES, "/api/symbols", "/api/analytics/data/rsi/BTCUSDT"])
def test_an_unchanged_response_is_a_304(api: Api, path: str) -> None:
    first = api.get(path)
    tag = first.headers["ETag"]
    again = api.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == tag and again.headers["Cache-Control"] == "no-cache"
    several = api.get(path, headers={"If-None-Match": f'"x", {tag.removeprefix("W/")}'})
    assert several.status_code == 304
    assert api.get(path, headers={"If-None-Match": "*"}).status_code == 304
    other = api.get(path, headers={"If-None-Match": '"x"'})
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize("path", [KLINES, "/health/live", "/metrics", "/api/klines/NOPE"])
def test_head_returns_the_headers_of_get(api: Api, path: str) -> None:
    get = api.get(path)
    head = requests.head(f"{api.url}{path}", timeout=9)
    assert (head.status_code, head.content) == (get.status_code, b"")
    for name in ("ETag", "Content-Type", "Cache-Control"):
        assert head.headers.get(name) == get.headers.get(name)
    assert requests.head(f"{api.url}/api/backfills", timeout=9).status_code == 405


def test_different_requests_have_different_etags(api: Api) -> None:
    tags = {api.get(KLINES, limit=n).headers["ETag"] for n in (1, 2, 3)}
    assert len(tags) == 3


def test_a_new_candle_changes_the_etag(
    warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    warehouse.symbols.register_symbols([describe("BTCUSDT")])
    load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(UNTIL - HOUR_MS, UNTIL)))
    with serve_api(create_context(warehouse, tmp_path_factory.mktemp("lake"))) as api:
        tag = api.get(KLINES, limit=2).headers["ETag"]
        load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(UNTIL, UNTIL + MINUTE_MS)))
        after = api.get(KLINES, headers={"If-None-Match": tag}, limit=2)
        assert after.status_code == 200 and after.headers["ETag"] != tag


def test_past_ranges_may_be_cached_for_a_minute(api: Api) -> None:
    past = api.get(KLINES, start=UNTIL - 9 * HOUR_MS, end=UNTIL - HOUR_MS)
    assert past.headers["Cache-Control"] == "max-age=60"
    now = api.get(KLINES, start=UNTIL - HOUR_MS, end=UNTIL + HOUR_MS)
    assert now.headers["Cache-Control"] == "no-cache"


def test_errors_and_writes_are_not_cached(api: Api) -> None:
    for answer in (
        api.get("/api/klines/NOPE"),
        api.get(KLINES, limit=0),
        api.send("DELETE", "/api/symbols/NOPE"),
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers


@pytest.mark.parametrize("path", ["dashboard", "pipeline/status", "pipeline/quality"])
def test_responses_with_the_request_time_are_not_cached(api: Api, path: str) -> None:
    answer = api.get(f"/api/{path}", headers={"If-None-Match": "*"})
    assert answer.status_code == 200 and answer.json()["data"]["as_of"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


def test_large_responses_are_compressed_on_request(api: Api) -> None:
    plain = api.get(KLINES, headers={"Accept-Encoding": "identity"}, limit=500)
    assert "Content-Encoding" not in plain.headers
    packed = requests.get(
        f"{api.url}{KLINES}?limit=500", headers={"Accept-Encoding": "gzip"}, stream=True, timeout=9
    )
    size = len(packed.raw.read(decode_content=False))
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert size < len(plain.content) / 3
    assert packed.headers["ETag"] == plain.headers["ETag"]
    small = api.get("/health/live", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in small.headers

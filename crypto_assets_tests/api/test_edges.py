"""Results of each provider at the ends of history, in an outage, and with few candles."""

from collections.abc import Iterator

import pytest

from crypto_assets.analytics.registry import find_providers
from crypto_assets.market.utc_time import MINUTE_MS, Window
from crypto_assets.reports import Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.analytics.market_data import WRITTEN
from crypto_assets_tests.api.conftest import HOLE, STOCK, UNTIL, Stock
from crypto_assets_tests.api.serving import Api, create_context, serve_api
from crypto_assets_tests.reports.stock import describe, generated, load

# One generated provider is like all others.
PROVIDERS = {name: find_providers()[name] for name in (*WRITTEN, "kc")}
SERIES = [name for name, provider in PROVIDERS.items() if provider.is_series]
OBJECTS = [name for name in PROVIDERS if name not in SERIES]
OF_CANDLES = [name for name, provider in PROVIDERS.items() if provider.needs_candles]
# Providers whose first value needs no earlier candle.
AT_ONCE = {"candlestick", "volume", "obv", "vwap", "drawdown"}


@pytest.fixture
def stock(sqlite_stock: Stock) -> Stock:
    return sqlite_stock


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API over a warehouse with three candles of BTCUSDT."""
    folder = tmp_path_factory.mktemp("three")
    warehouse = Warehouse(f"sqlite:///{folder / 'warehouse.db'}")
    warehouse.migrate_schema()
    warehouse.symbols.register_symbols([describe("BTCUSDT")])
    load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(UNTIL - 3 * MINUTE_MS, UNTIL)))
    with serve_api(create_context(warehouse, folder, reports=Reports(warehouse))) as served:
        yield served
    warehouse.close()


def test_the_five_oldest_are_defined_once_history_suffices(
    api: Api, subtests: pytest.Subtests
) -> None:
    opened = [STOCK.start_ms + n * MINUTE_MS for n in range(5)]
    for name in SERIES:
        with subtests.test(name):
            path = f"/api/analytics/data/{name}/SHIBUSDT"
            rows = api.read(path, interval="1m", start=STOCK.start_ms, end=UNTIL, limit=5)["data"]
            assert [row["open_time"] for row in rows] == opened
            for column in find_providers()[name].columns:
                assert (rows[-1][column] is not None) == (name in AT_ONCE), column


def test_the_five_newest_are_settled(api: Api, subtests: pytest.Subtests) -> None:
    opened = [UNTIL - n * MINUTE_MS for n in range(5, 0, -1)]
    for name in SERIES:
        with subtests.test(name):
            path = f"/api/analytics/data/{name}/SHIBUSDT"
            few, some, many = (api.read(path, interval="1m", limit=n)["data"] for n in (5, 50, 500))
            assert [row["open_time"] for row in few] == opened
            for fewer, more in ((few, some), (some, many)):
                for row, other in zip(fewer, more[-len(fewer) :], strict=True):
                    for column in find_providers()[name].columns:
                        assert row[column] == pytest.approx(other[column], rel=1e-9), column


def test_a_range_inside_an_outage_is_empty_with_its_gap(
    api: Api, subtests: pytest.Subtests
) -> None:
    start, end = HOLE.start_ms + 10 * MINUTE_MS, HOLE.end_ms - 10 * MINUTE_MS
    for name in OF_CANDLES:
        with subtests.test(name):
            path = f"/api/analytics/data/{name}/BTCUSDT"
            answer = api.read(path, interval="1m", start=start, end=end)
            assert answer["data"] == ([] if name in SERIES else None)
            assert answer["gaps"] == [{"start": start, "end": end, "class": "outage"}]


def test_a_symbol_without_candles_has_no_data(api: Api, subtests: pytest.Subtests) -> None:
    for name in OF_CANDLES:
        with subtests.test(name):
            answer = api.read(f"/api/analytics/data/{name}/XRPUSDT")
            assert (answer["data"], answer["gaps"]) == ([] if name in SERIES else None, [])


def test_the_newest_book_ignores_the_range(api: Api) -> None:
    path = "/api/analytics/data/order_book/BTCUSDT"
    start, end = HOLE.start_ms, HOLE.end_ms
    for query in ({"start": start, "end": end}, {"end": end, "limit": 1}, {"limit": 1}):
        answer = api.get(path, None, interval="1m", **query)
        assert answer.json()["data"]["last_update_id"] == 77
        assert (answer.links, answer.headers["Cache-Control"]) == ({}, "no-cache")
    none = api.read("/api/analytics/data/order_book/XRPUSDT")["data"]
    assert (none["captured_at"], none["bids"]) == (None, [])


def test_three_candles_are_three_rows_without_invented_values(
    three: Api, subtests: pytest.Subtests
) -> None:
    for name in SERIES:
        with subtests.test(name):
            rows = three.read(f"/api/analytics/data/{name}/BTCUSDT", interval="1m")["data"]
            assert len(rows) == 3
            for column in find_providers()[name].columns:
                assert (rows[-1][column] is not None) == (name in AT_ONCE), column


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_describe_three_candles(three: Api, name: str) -> None:
    found = three.read(f"/api/analytics/data/{name}/BTCUSDT", interval="1m")["data"]
    match name:
        case "order_book":
            assert (found["mid"], found["bids"]) == (None, [])
        case "correlation_matrix":
            assert found["matrix"] == [[None]] and found["pairs"] == [[2]]
        case "volume_profile":
            assert found["value_area_low"] <= found["point_of_control"] <= found["value_area_high"]
        case _:
            assert found["count"] == {"price_distribution": 3, "return_distribution": 2}[name]

"""Exact candles in pages, 24-hour statistics, the order book, symbols and the dashboard."""

from decimal import Decimal

import pytest

from crypto_assets.market.candles import CANDLE_COLUMNS, rows_from_table
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms, format_utc
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.conftest import HOLE, NOW, STOCK, UNTIL
from crypto_assets_tests.api.serving import Api


def test_candles_are_exact_decimal_text(api: Api, stocked: Warehouse) -> None:
    answer = api.read("/api/klines/SHIBUSDT", interval="1m", limit=1000)
    assert list(answer) == ["symbol", "interval", "params", "data", "gaps"]
    assert (answer["symbol"], answer["interval"], answer["params"]) == ("SHIBUSDT", "1m", {})
    rows = [[row[name] for name in CANDLE_COLUMNS] for row in answer["data"]]
    table = stocked.facts.read_candles("SHIBUSDT", STOCK, limit=1000, newest=True)
    assert rows == [row[:11] for row in rows_from_table(table)]
    assert isinstance(rows[0][1], str) and len(rows[0][1].partition(".")[2]) == 8
    assert answer["data"][0]["time"] == format_utc(UNTIL - 1000 * MINUTE_MS)


def test_without_an_end_the_newest_with_the_forming_one_flagged(api: Api) -> None:
    data = api.read("/api/klines/btcusdt", limit=3)["data"]
    hour = floor_ms(UNTIL, HOUR_MS)
    assert [row["open_time"] for row in data] == [hour - 2 * HOUR_MS, hour - HOUR_MS, hour]
    assert [row["forming"] for row in data] == [False, False, True]
    assert [row["partial"] for row in data] == [False, False, False]


def test_the_week_in_which_history_begins_is_flagged_partial(api: Api) -> None:
    """In candles and indicators; candles of stored days are not flagged."""
    assert STOCK.start_ms != Interval.W1.floor(STOCK.start_ms), "history begins inside a week"
    for path in ("klines", "analytics/data/sma"):
        weeks = api.read(f"/api/{path}/SHIBUSDT", interval="1w")["data"]
        assert [row["partial"] for row in weeks] == [True, *[False] * (len(weeks) - 1)]
        days = api.read(f"/api/{path}/SHIBUSDT", interval="1d")["data"]
        assert sum(row["partial"] for row in days) == (STOCK.start_ms % DAY_MS > 0)


def test_every_interval_has_candles(api: Api, subtests: pytest.Subtests) -> None:
    for interval in Interval:
        with subtests.test(interval=interval):
            answer = api.read("/api/klines/SHIBUSDT", interval=interval, limit=2)
            newest = interval.floor(UNTIL - 1)
            assert [row["open_time"] for row in answer["data"]] == [newest - interval.ms, newest]


def test_an_outage_is_a_gap_with_its_class(api: Api) -> None:
    start, end = HOLE.start_ms - HOUR_MS, HOLE.end_ms + HOUR_MS
    answer = api.read("/api/klines/BTCUSDT", interval="1m", start=start, end=end)
    opened = [row["open_time"] for row in answer["data"]]
    assert len(opened) == 120 and not any(time in HOLE for time in opened)
    assert answer["gaps"] == [{"start": HOLE.start_ms, "end": HOLE.end_ms, "class": "outage"}]


def test_a_range_is_paged_oldest_first(api: Api) -> None:
    path = f"/api/klines/BTCUSDT?interval=15m&start={STOCK.start_ms}&end={UNTIL}&limit=100"
    seen, pages = [], 0
    while path:
        answer = api.get(path)
        seen += [row["open_time"] for row in answer.json()["data"]]
        path = answer.links["next"]["url"] if "next" in answer.links else ""
        pages += 1
    whole = api.read(
        "/api/klines/BTCUSDT", interval="15m", start=STOCK.start_ms, end=UNTIL, limit=1000
    )
    assert seen == [row["open_time"] for row in whole["data"]]
    assert len(seen) > 300 and pages == 4


def test_a_complete_response_has_no_link(api: Api) -> None:
    last = UNTIL - 8 * MINUTE_MS
    for end in (last + 1, last + MINUTE_MS):
        start = last - 2 * MINUTE_MS
        answer = api.get("/api/klines/BTCUSDT", interval="1m", start=start, end=end, limit=3)
        assert (len(answer.json()["data"]), answer.links) == (3, {})


def test_a_link_keeps_repeated_parameters(api: Api) -> None:
    path = f"/api/analytics/data/correlation_matrix/BTCUSDT?start={STOCK.start_ms}&end={UNTIL}"
    first = api.get(f"{path}&symbols=BTCUSDT&symbols=SHIBUSDT&limit=9")
    second = api.get(first.links["next"]["url"]).json()
    assert second["data"]["symbols"] == first.json()["data"]["symbols"] == ["BTCUSDT", "SHIBUSDT"]


def test_both_pages_list_the_outage_between_them(api: Api) -> None:
    start, end = HOLE.start_ms - 3 * MINUTE_MS, HOLE.end_ms + 3 * MINUTE_MS
    path, gaps = f"/api/klines/BTCUSDT?interval=1m&start={start}&end={end}&limit=3", []
    while path:
        answer = api.get(path)
        gaps += answer.json()["gaps"]
        path = answer.links["next"]["url"] if "next" in answer.links else ""
    assert gaps == [{"start": HOLE.start_ms, "end": HOLE.end_ms, "class": "outage"}] * 2


def test_the_newest_are_paged_backwards(api: Api) -> None:
    newest = api.get("/api/klines/BTCUSDT", interval="1m", limit=10)
    before = api.get(newest.links["prev"]["url"]).json()["data"]
    opened = [row["open_time"] for row in before + newest.json()["data"]]
    assert opened == [UNTIL - n * MINUTE_MS for n in range(20, 0, -1)]
    assert "prev" not in api.get("/api/klines/BTCUSDT", interval="1w").links


@pytest.mark.parametrize("form", [format_utc(UNTIL - 3 * HOUR_MS), "2025-03-06T10:34+01:00"])
def test_times_may_be_iso_8601(api: Api, form: str) -> None:
    data = api.read("/api/klines/BTCUSDT", interval="1m", start=form, limit=1000)["data"]
    assert len(data) == 180


def test_a_symbol_without_candles_is_empty(api: Api) -> None:
    assert api.read("/api/klines/XRPUSDT")["data"] == []
    assert api.read("/api/stats/XRPUSDT")["data"] is None
    assert api.read("/api/order-book/XRPUSDT")["data"] is None


def test_statistics_are_of_24_hours_by_time(api: Api, stocked: Warehouse) -> None:
    found = api.read("/api/stats/SHIBUSDT")["data"]
    day = stocked.facts.read_candles("SHIBUSDT", STOCK, limit=1440, newest=True).to_pylist()
    assert found["window"] == {"start_ms": UNTIL - 24 * HOUR_MS, "end_ms": UNTIL}
    assert Decimal(found["last"]) == day[-1]["close"]
    assert Decimal(found["high"]) == max(row["high"] for row in day if row["volume"])
    assert Decimal(found["change"]) == Decimal(found["last"]) - Decimal(found["open"])
    assert found["trade_count"] == sum(row["trade_count"] for row in day)
    assert "E" not in found["open"]


def test_the_order_book_is_exact_and_limited_to_levels(api: Api) -> None:
    book = api.read("/api/order-book/BTCUSDT", levels=2)["data"]
    assert book["captured_at"] == UNTIL and book["last_update_id"] == 77
    assert [len(book[side]) for side in ("bids", "asks")] == [2, 2]
    assert [Decimal(text) for text in book["bids"][0]] == [100, Decimal("1.5")]
    assert book["asks"][0][1] == "0.00000001"
    assert Decimal(book["spread"]) == 1 and Decimal(book["mid"]) == Decimal("100.5")
    assert Decimal(book["ask_depth"]) == Decimal("0.00000003")


def test_symbols_and_dashboard(api: Api) -> None:
    symbols = api.read("/api/symbols")["data"]
    assert [one["symbol"] for one in symbols] == ["BTCUSDT", "SHIBUSDT", "XRPUSDT"]
    assert symbols[1] == {
        "symbol": "SHIBUSDT",
        "base": "SHIB",
        "quote": "USDT",
        "digits": 8,
        "trading": True,
    }
    board = api.read("/api/dashboard")["data"]
    assert board["as_of"] == NOW and board["lag_ms"] == MINUTE_MS // 2
    btc, _, xrp = board["tiles"]
    assert xrp["statistics"] is None and len(btc["sparkline"]) in (25, 26)
    assert {"concern": "empty", "symbol": "XRPUSDT", "amount": 0} in board["attention"]
    assert board["candles"] == 2 * 4 * 1440 - 140

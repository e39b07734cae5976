"""Klines over REST: pages without missing or repeated rows, and exact decimals."""

from collections.abc import Iterator
from decimal import Decimal

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crypto_assets.errors import ExchangeUnavailable
from crypto_assets.exchange import BinanceRest
from crypto_assets.market.candles import Candle, KlineRow, candles_from_table, table_from_rows
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window
from crypto_assets_tests.exchange.conftest import RETRY, Client, count_requests
from crypto_assets_tests.exchange.responses import (
    START,
    minutes,
    row,
    rows_answer,
    with_info,
)
from crypto_assets_tests.services.scripted import (
    Answer,
    Request,
    Respond,
    ScriptedServer,
    scripted,
)

HOUR = Window(START, START + HOUR_MS)


def market(rows: list[KlineRow], cap: int = 1000) -> Respond:
    """Serve klines as the exchange does: both times inclusive, ascending, at most `cap`."""

    def respond(request: Request) -> Answer:
        first, last = int(request.query["startTime"]), int(request.query["endTime"])
        limit = min(int(request.query["limit"]), cap)
        return rows_answer([r for r in rows if first <= int(r[0]) <= last][:limit])

    return respond


@pytest.fixture(scope="module")
def paged_server() -> Iterator[ScriptedServer]:
    """One server for all examples of hypothesis; each sets its own market."""
    with scripted(market([])) as server:
        yield server


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    present=st.sets(st.integers(0, 90), max_size=60),
    seconds=st.sampled_from([0, 7_301]),
    limit=st.integers(1, 40),
    cap=st.integers(1, 40),
    start=st.integers(0, 60 * MINUTE_MS),
    length=st.integers(0, 60 * MINUTE_MS),
)
def test_any_cut_into_pages_gives_the_same_rows(
    paged_server: ScriptedServer,
    present: set[int],
    seconds: int,
    limit: int,
    cap: int,
    start: int,
    length: int,
) -> None:
    rows = [row(START + n * MINUTE_MS + seconds) for n in sorted(present)]
    paged_server.respond = with_info(market(rows, cap))
    window = Window(START + start, START + start + length)
    rest = BinanceRest(paged_server.url, RETRY, page_rows=limit)
    pages = list(rest.fetch_kline_pages("BTCUSDT", Interval.M1, window))
    assert [r for page in pages for r in page] == [r for r in rows if int(r[0]) in window]
    assert all(page for page in pages)


def test_a_page_shorter_than_the_limit_is_not_the_last(client: Client) -> None:
    rest, server = client(market(minutes(START, 60), cap=25))
    pages = list(rest.fetch_kline_pages("BTCUSDT", Interval.M1, HOUR))
    assert [len(page) for page in pages] == [25, 25, 10]
    assert count_requests(server) == 3


def test_a_whole_day_takes_two_requests(client: Client) -> None:
    rest, server = client(market(minutes(START, 1440)))
    day = Window(START, START + 1440 * MINUTE_MS)
    assert [len(p) for p in rest.fetch_kline_pages("BTCUSDT", Interval.M1, day)] == [1000, 440]
    assert count_requests(server) == 2


def test_an_empty_window_sends_no_request(client: Client) -> None:
    rest, server = client(market([]))
    assert list(rest.fetch_kline_pages("BTCUSDT", Interval.M1, Window(START, START))) == []
    assert count_requests(server) == 0


def test_rows_are_returned_unchanged(client: Client) -> None:
    rest, _ = client(market(minutes(START, 2)))
    (page,) = rest.fetch_kline_pages("BTCUSDT", Interval.M1, Window(START, START + 2 * MINUTE_MS))
    assert page == minutes(START, 2)
    assert page[0][5] == "10.5"


def test_typed_candles_have_exact_decimals(client: Client) -> None:
    rest, _ = client(market(minutes(START, 2)))
    window = Window(START, START + 2 * MINUTE_MS)
    first, _ = candles_from_table(rest.fetch_candle_table("BTCUSDT", Interval.M1, window))
    assert first == Candle(
        open_time=START,
        open=Decimal("0.00001"),
        high=Decimal("0.0000101"),
        low=Decimal("0.0000099"),
        close=Decimal("0.00001"),
        volume=Decimal("10.5"),
        close_time=START + MINUTE_MS - 1,
        quote_volume=Decimal("0.000105"),
        trade_count=7,
        taker_buy_volume=Decimal(5),
        taker_buy_quote_volume=Decimal("0.00005"),
    )
    assert isinstance(first.open, Decimal)
    table = rest.fetch_candle_table("BTCUSDT", Interval.M1, window)
    assert table.equals(table_from_rows(minutes(START, 2)))


def test_a_price_that_is_not_a_number_is_a_malformed_response(client: Client) -> None:
    bad = row(START)
    bad[4] = "NaN"
    rest, _ = client(market([bad]))
    with pytest.raises(ExchangeUnavailable, match="an invalid candle of BTCUSDT"):
        rest.fetch_candle_table("BTCUSDT", Interval.M1, HOUR)


def _broken(field: int, value: object) -> bytes:
    rows: list[list[object]] = [list(r) for r in minutes(START, 3)]
    rows[1][field] = value
    return orjson.dumps(rows)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[[17356896", id="cut off JSON"),
        pytest.param(b"<html>maintenance</html>", id="a page"),
        pytest.param(b'{"code":0}', id="an object"),
        pytest.param(b"[1,2]", id="no rows"),
        pytest.param(orjson.dumps([row(START)[:11]]), id="eleven fields"),
        pytest.param(orjson.dumps([[*row(START), "0"]]), id="thirteen fields"),
        pytest.param(orjson.dumps([row(START + MINUTE_MS), row(START)]), id="descending"),
        pytest.param(orjson.dumps([row(START), row(START)]), id="doubled"),
        pytest.param(orjson.dumps([row(START - 1)]), id="before the window"),
        pytest.param(orjson.dumps([row(HOUR.end_ms)]), id="after the window"),
        pytest.param(_broken(0, str(START + MINUTE_MS)), id="time as text"),
        pytest.param(_broken(1, 0.00001), id="price as float"),
        pytest.param(_broken(4, None), id="no price"),
        pytest.param(_broken(8, "7"), id="trades as text"),
    ],
)
def test_a_malformed_response_is_retried_and_never_returned(client: Client, body: bytes) -> None:
    wrong = [Answer(200, body), Answer(200, body)]
    right = market(minutes(START, 60))
    rest, server = client(lambda request: wrong.pop() if wrong else right(request))
    assert list(rest.fetch_kline_pages("BTCUSDT", Interval.M1, HOUR)) == [minutes(START, 60)]
    assert count_requests(server) == 3
    rest, server = client(lambda _: Answer(200, body))
    with pytest.raises(
        ExchangeUnavailable, match=r"/api/v3/klines.* returned a malformed response"
    ):
        next(rest.fetch_kline_pages("BTCUSDT", Interval.M1, HOUR))
    assert count_requests(server) == RETRY.attempts

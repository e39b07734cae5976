"""Order books are captured once and loaded once."""

from datetime import date
from decimal import Decimal

import orjson
import pytest

from crypto_assets.lake import build_depth_object
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    format_utc,
    from_epoch_ms,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion import tick_plan
from crypto_assets.pipeline.stages.order_books import (
    capture_order_book,
    ingest_order_books,
    load_order_books,
)
from crypto_assets.pipeline.stages.results import OrderBookStage
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform
from crypto_assets_tests.services.exchange import NOON, StartExchange

Sides = list[list[str]]

_BOTH = {OrderBookStage.RAW, OrderBookStage.FACTS}
_DAY = Window.of_day(TODAY)


def test_a_book_is_stored_in_the_lake_and_loaded(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform: PipelineContext = build_platform(server)
    outcomes = ingest_order_books(platform, "BTCUSDT", _DAY, _BOTH)
    assert [(outcome.stage, outcome.rows, outcome.error) for outcome in outcomes] == [
        (OrderBookStage.FACTS, 1, None),
        (OrderBookStage.RAW, 1, None),
    ]
    book = platform.warehouse.order_books.read_latest("BTCUSDT")
    assert book is not None
    assert (len(book.bids), len(book.asks)) == (20, 20)
    assert book.find_flaw() is None
    assert book.captured_at == NOON


def test_the_same_book_twice_is_one_snapshot(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform: PipelineContext = build_platform(server)
    for _ in range(2):
        capture_order_book(platform, "BTCUSDT")
        load_order_books(platform, "BTCUSDT", _DAY)
    assert platform.warehouse.order_books.count_snapshots("BTCUSDT", _DAY) == 1
    server.clock.advance(MINUTE_MS)
    capture_order_book(platform, "BTCUSDT")
    load_order_books(platform, "BTCUSDT", _DAY)
    assert platform.warehouse.order_books.count_snapshots("BTCUSDT", _DAY) == 2


def test_a_past_day_without_snapshots_fails(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform: PipelineContext = build_platform(simulated_exchange(now=NOON))
    outcomes = ingest_order_books(platform, "BTCUSDT", Window.of_day(date(2025, 3, 1)), _BOTH)
    assert len(outcomes) == 2
    assert all("keeps no history" in str(outcome.error) for outcome in outcomes)


def test_a_crossed_book_is_quarantined_and_not_loaded_again(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform: PipelineContext = build_platform(server)
    crossed = {"lastUpdateId": 7, "bids": [["2.0", "1.0"]], "asks": [["1.0", "1.0"]]}
    item, body = build_depth_object(
        platform.raw_lake.bucket, "BTCUSDT", orjson.dumps(crossed), NOON
    )
    platform.raw_lake.put(item.key, body, fetched_at=NOON, source=item.source, rows=item.rows)
    platform.warehouse.lake_objects.record_objects([item])
    assert load_order_books(platform, "BTCUSDT", _DAY) == 0
    assert "crossed" in platform.warehouse.quarantine.list_records("BTCUSDT")[0].reason
    assert platform.warehouse.lake_objects.list_unloaded("BTCUSDT", item.kind, _DAY) == []
    assert platform.warehouse.order_books.read_latest("BTCUSDT") is None
    server.clock.advance(DAY_MS)
    facts, raw = ingest_order_books(platform, "BTCUSDT", _DAY, _BOTH)
    assert "see the quarantine" in str(facts.error)
    assert (raw.rows, raw.error) == (1, None)


def test_a_loaded_book_counts_after_its_object_has_expired(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform: PipelineContext = build_platform(server)
    item = capture_order_book(platform, "BTCUSDT")
    load_order_books(platform, "BTCUSDT", _DAY)
    platform.raw_lake.delete([item.key])
    platform.warehouse.lake_objects.forget_objects([item])
    server.clock.advance(2 * DAY_MS)
    outcomes = ingest_order_books(platform, "BTCUSDT", _DAY, _BOTH)
    assert [(one.stage, one.rows, one.error) for one in outcomes] == [
        (OrderBookStage.FACTS, 1, None),
        (OrderBookStage.RAW, 0, None),
    ]


def put_book(platform: PipelineContext, bids: Sides, asks: Sides, at: int) -> None:
    response = orjson.dumps({"lastUpdateId": at, "bids": bids, "asks": asks})
    item, body = build_depth_object(platform.raw_lake.bucket, "BTCUSDT", response, at)
    platform.raw_lake.put(item.key, body, fetched_at=at, source=item.source, rows=item.rows)
    platform.warehouse.lake_objects.record_objects([item])


@pytest.mark.parametrize(
    ("bids", "asks"), [([], []), ([["2.0", "1.0"]], []), ([], [["2.0", "1.0"]])]
)
def test_books_without_a_side_are_reported_once_and_do_not_fail(
    bids: Sides, asks: Sides, simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform = build_platform(server)
    for number in range(1, 4):
        put_book(platform, bids, asks, NOON - number * MINUTE_MS)
    server.clock.advance(DAY_MS)
    for one_sided in (3, 0):
        facts, raw = ingest_order_books(platform, "BTCUSDT", _DAY, _BOTH)
        assert (facts.rows, facts.error, raw.rows, raw.error) == (0, None, 3, None)
        assert facts.details == ({"one_sided": one_sided} if one_sided else {})
    assert platform.warehouse.quarantine.list_records() == []


def test_a_locked_book_is_loaded(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform = build_platform(server)
    put_book(platform, [["2.0", "1.0"]], [["2.0", "3.0"]], NOON)
    assert load_order_books(platform, "BTCUSDT", _DAY) == 1
    book = platform.warehouse.order_books.read_latest("BTCUSDT")
    assert book is not None
    assert (book.spread, book.mid) == (Decimal(0), Decimal(2))
    assert platform.warehouse.quarantine.list_records() == []


def test_no_book_is_captured_of_a_symbol_that_does_not_trade(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    ended = {"do": "delist", "symbol": "BTCUSDT", "at": format_utc(NOON - HOUR_MS)}
    server = simulated_exchange(now=NOON, faults=[ended])
    platform = build_platform(server, "BTCUSDT", "ETHUSDT")
    server.faults.add_rule({"do": "status", "status": 451, "path": "/api/v3/depth"})
    for outcome in ingest_order_books(platform, "BTCUSDT", _DAY, _BOTH):
        assert "no order book of BTCUSDT was captured" in str(outcome.error)
    assert tick_plan.plan_order_book_tick(platform, from_epoch_ms(NOON)).symbols == ("ETHUSDT",)


def test_a_symbol_that_was_just_delisted_does_not_fail(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform = build_platform(server, "BTCUSDT", "ETHUSDT")
    server.faults.add_rule({"do": "list", "symbol": "BTCUSDT", "at": format_utc(NOON + DAY_MS)})
    assert ingest_order_books(platform, "BTCUSDT", _DAY, _BOTH) == []
    assert platform.warehouse.symbols.get_symbol("BTCUSDT").status is SymbolStatus.DELISTED
    assert tick_plan.plan_order_book_tick(platform, from_epoch_ms(NOON)).symbols == ("ETHUSDT",)

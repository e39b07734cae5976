"""Order books: captured once, loaded once, never pretended."""

from datetime import date

import orjson

from crypto_assets.lake import depth_object
from crypto_assets.market.clock import DAY_MS, MINUTE_MS, Window
from crypto_assets.pipeline.order_books import bring_books, capture, load_books
from crypto_assets.pipeline.outcome import BookStage
from crypto_assets.pipeline.platform import Platform
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform
from crypto_assets_tests.services.exchange import NOON, StartExchange

_BOTH = {BookStage.RAW, BookStage.FACTS}
_DAY = Window.of_day(TODAY)


def test_a_book_goes_by_the_lake_into_the_facts(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform: Platform = build_platform(server)
    outcomes = bring_books(platform, "BTCUSDT", _DAY, _BOTH)
    assert [(outcome.stage, outcome.rows, outcome.error) for outcome in outcomes] == [
        (BookStage.FACTS, 1, None),
        (BookStage.RAW, 1, None),
    ]
    book = platform.warehouse.order_books.latest("BTCUSDT")
    assert book is not None
    assert (len(book.bids), len(book.asks)) == (20, 20)
    assert book.flaw() is None
    assert book.captured_at == NOON


def test_the_same_book_twice_is_one_snapshot(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform: Platform = build_platform(server)
    for _ in range(2):
        capture(platform, "BTCUSDT")
        load_books(platform, "BTCUSDT", _DAY)
    assert platform.warehouse.order_books.count("BTCUSDT", _DAY) == 1
    server.clock.advance(MINUTE_MS)
    capture(platform, "BTCUSDT")
    load_books(platform, "BTCUSDT", _DAY)
    assert platform.warehouse.order_books.count("BTCUSDT", _DAY) == 2


def test_a_past_day_without_snapshots_is_not_green(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform: Platform = build_platform(simulated_exchange(now=NOON))
    outcomes = bring_books(platform, "BTCUSDT", Window.of_day(date(2025, 3, 1)), _BOTH)
    assert len(outcomes) == 2
    assert all("keeps no history" in str(outcome.error) for outcome in outcomes)


def test_a_crossed_book_is_set_aside_and_tried_no_more(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform: Platform = build_platform(server)
    crossed = {"lastUpdateId": 7, "bids": [["2.0", "1.0"]], "asks": [["1.0", "1.0"]]}
    item, body = depth_object(platform.raw.bucket, "BTCUSDT", orjson.dumps(crossed), NOON)
    platform.raw.put(item.key, body, fetched_at=NOON, source=item.source, rows=item.rows)
    platform.warehouse.objects.record([item])
    assert load_books(platform, "BTCUSDT", _DAY) == 0
    assert "crossed" in platform.warehouse.quarantine.list("BTCUSDT")[0].reason
    assert platform.warehouse.objects.unloaded("BTCUSDT", item.kind, _DAY) == []
    assert platform.warehouse.order_books.latest("BTCUSDT") is None
    server.clock.advance(DAY_MS)
    facts, raw = bring_books(platform, "BTCUSDT", _DAY, _BOTH)
    assert "see the quarantine" in str(facts.error)
    assert (raw.rows, raw.error) == (1, None)


def test_what_is_loaded_stays_green_when_the_lake_has_retired_it(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform: Platform = build_platform(server)
    item = capture(platform, "BTCUSDT")
    load_books(platform, "BTCUSDT", _DAY)
    platform.raw.delete([item.key])
    platform.warehouse.objects.forget([item])
    server.clock.advance(2 * DAY_MS)
    outcomes = bring_books(platform, "BTCUSDT", _DAY, _BOTH)
    assert [(one.stage, one.rows, one.error) for one in outcomes] == [
        (BookStage.FACTS, 1, None),
        (BookStage.RAW, 0, None),
    ]

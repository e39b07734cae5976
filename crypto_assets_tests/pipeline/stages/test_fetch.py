"""Fetches choose between the archive and REST, and leave out open candles."""

from collections import Counter
from datetime import timedelta

from crypto_assets.exchange import open_exchange
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window, format_utc
from crypto_assets.pipeline.ingestion.ingest import IngestMode, ingest_symbols
from crypto_assets.pipeline.stages.fetch import fetch_window
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform
from crypto_assets_tests.services.exchange import NOON, StartExchange

DAY = TODAY - timedelta(days=1)
WINDOW = Window.of_day(DAY)


def in_the_archive(do: str, start: int, minutes: int) -> dict[str, object]:
    """A rule for some minutes of the day's archive file; REST is not affected."""
    end = start + minutes * MINUTE_MS
    return {"do": do, "in": "archive", "start": format_utc(start), "end": format_utc(end)}


def test_rest_adds_only_the_minutes_that_a_short_archive_lacks(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """The archive's other minutes were revised: REST still has the old values."""
    first, second = WINDOW.start_ms + 3 * HOUR_MS, WINDOW.start_ms + 7 * HOUR_MS
    faults = [
        in_the_archive("revise", WINDOW.start_ms, 24 * 60),
        in_the_archive("outage", first, 1),
        in_the_archive("outage", second, 2),
    ]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    # Without the hours: REST's minutes give these, and would be verified for the whole day.
    stages = {KlinesStage.RAW, KlinesStage.FACTS}
    assert list(ingest_symbols(platform, {"BTCUSDT": WINDOW}, stages, IngestMode.DAYS))
    stored = platform.warehouse.facts.read_fetched_candles("BTCUSDT", WINDOW)
    assert Counter(stored["source"].to_pylist()) == {"archive": 1437, "rest": 3}
    objects = platform.warehouse.lake_objects.list_in_window("BTCUSDT", ObjectKind.KLINES, WINDOW)
    spans = [
        (item.first_time, item.last_time, item.rows)
        for item in objects
        if item.source is Source.REST
    ]
    assert sorted(spans) == [(first, first, 1), (second, second + MINUTE_MS, 2)], (
        "no object spans minutes that it does not cover"
    )


def test_an_open_candle_is_left_out_until_it_has_closed(simulated_exchange: StartExchange) -> None:
    """The exchange returns it too; only the clock shows that it is open."""
    server = simulated_exchange(now=NOON)
    exchange = open_exchange(server.url, server.archive_url)
    minute = NOON - NOON % MINUTE_MS
    window = Window(minute - 5 * MINUTE_MS, minute + MINUTE_MS)

    def closed(closed_before_ms: int) -> list[KlineRow]:
        fetched = fetch_window(exchange, "BTCUSDT", window, closed_before_ms)
        return [
            row
            for day in fetched.values()
            for part in day.parts
            for row in part.klines.decode_rows()
        ]

    (page,) = exchange.rest.fetch_kline_pages("BTCUSDT", Interval.M1, window)
    assert len(page) == 6
    assert closed(NOON) == closed(minute) == page[:5]
    assert closed(minute - 1) == page[:4], "not settled"
    server.clock.advance(2 * MINUTE_MS)
    later = closed(NOON + 2 * MINUTE_MS)
    assert later[:5] == page[:5]
    assert len(later) == 6
    assert later[5] != page[5]

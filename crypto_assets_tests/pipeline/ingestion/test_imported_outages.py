"""An import never adds a minute that the exchange does not have, in any order of loading."""

import os
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from crypto_assets.cli.verify import _suggest_repairs
from crypto_assets.lake import build_klines_object, open_lake
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window, day_of, format_utc
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import record_gaps
from crypto_assets.pipeline.ingestion.import_objects import (
    import_klines_objects,
    load_imported_days,
)
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.reconciliation.verify import VerificationResult, verify_symbol
from crypto_assets.pipeline.recovery.rebuild import rebuild_from_lake
from crypto_assets.warehouse import GapClass
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform, open_times, run_ingest
from crypto_assets_tests.pipeline.tampering import tamper
from crypto_assets_tests.services.exchange import NOON, StartExchange

pytestmark = pytest.mark.slow  # a quarter of a minute in all

SYMBOL = "BTCUSDT"
DAY = TODAY - timedelta(days=1)
DAYS = Window.of_day(DAY)
NINE = DAYS.start_ms + 9 * HOUR_MS
# A third of an hour; and two hours that include a whole one, which the exchange lacks.
SHORT = Window(NINE + 10 * MINUTE_MS, NINE + 30 * MINUTE_MS)
LONG = Window(NINE + 30 * MINUTE_MS, NINE + 150 * MINUTE_MS)
LATE: dict[str, Any] = {"do": "archive", "how": "missing", "day": str(DAY)}


def outage(window: Window) -> dict[str, Any]:
    return {"do": "outage", "start": format_utc(window.start_ms), "end": format_utc(window.end_ms)}


def flat(window: Window) -> list[KlineRow]:
    """Rows of one price without trades: the exchange's hour is the same with them."""
    return [
        [at, *["60000.00000000"] * 4, "0", at + 59_999, "0", 0, "0", "0", "0"]
        for at in range(window.start_ms, window.end_ms, MINUTE_MS)
    ]


def linear(window: Window) -> list[KlineRow]:
    """Rows of interpolated prices with trades."""
    prices = [f"{60000 + 5 * n}.00000000" for n in range(len(flat(window)))]
    return [
        [row[0], *[price] * 4, "1.5", row[6], "90000", 3, "0.5", "30000", "0"]
        for row, price in zip(flat(window), prices, strict=True)
    ]


def write(folder: Path, rows: Sequence[KlineRow], written_at: int = NOON) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{SYMBOL}.json"
    path.write_bytes(orjson.dumps(rows))
    os.utime(path, (written_at / 1000, written_at / 1000))
    return folder


def take(platform: PipelineContext, folder: Path) -> None:
    (one,) = import_klines_objects(platform, open_lake(str(folder)), "", DAY)
    assert one.refused is None
    assert [
        each.error for each in load_imported_days(platform, SYMBOL, one.days) if each.error
    ] == []


def stored(platform: PipelineContext) -> list[Any]:
    """All minutes, hours and days, the open gaps, and the number of minutes.

    Decimals are rounded to what SQLite's doubles hold exactly.
    """
    read = platform.warehouse.aggregates.read_candles
    periods = [read(SYMBOL, interval, DAYS) for interval in (Interval.H1, Interval.D1)]
    tables = [platform.warehouse.facts.read_candles(SYMBOL, DAYS), *periods]
    gaps = platform.warehouse.gap_ledger.list_gaps(SYMBOL)
    return [
        *(
            [round(value, 4) for value in row.values()]
            for table in tables
            for row in table.to_pylist()
        ),
        *((gap.start, gap.end, gap.minutes, gap.gap_class) for gap in gaps),
        platform.warehouse.watermarks.get_watermark(SYMBOL).record_count,
    ]


def check(platform: PipelineContext) -> VerificationResult:
    return verify_symbol(platform, SYMBOL, DAYS)


def follow_advice(platform: PipelineContext) -> list[str]:
    """Run the commands that `verify` suggests, in its order; returns them."""
    advice = _suggest_repairs(SYMBOL, check(platform), 0)
    commands = re.findall("`crypto-assets (.*?) --symbols", "\n".join(advice))
    for command in commands:
        if command == "backfill":
            assert [
                each.error for each in run_ingest(platform, first=DAY, last=DAY) if each.error
            ] == []
        else:
            exact = command == "rebuild --exact"
            assert [
                each.error for each in rebuild_from_lake(platform, [SYMBOL], DAYS, exact=exact)
            ] == [None]
    return commands


def refused(platform: PipelineContext) -> set[int]:
    return {
        int(item.open_time or 0)
        for item in platform.warehouse.quarantine.list_records(SYMBOL)
        if item.reason.startswith("imported, but")
    }


def minutes(window: Window) -> set[int]:
    return set(range(window.start_ms, window.end_ms, MINUTE_MS))


@pytest.mark.parametrize("invent", [flat, linear])
@pytest.mark.parametrize("gap", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("import_first", [True, False])
def test_minutes_that_the_archive_lacks_are_quarantined_in_any_order(
    invent: Any,
    gap: Window,
    import_first: bool,
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    tmp_path: Path,
) -> None:
    server = simulated_exchange(now=NOON, faults=[outage(gap)])
    plain = build_platform(server)
    run_ingest(plain, first=DAY, last=DAY)
    expected = stored(plain)
    platform = build_platform(server, warehouse_url=warehouse_url)
    folder = write(tmp_path / "old", invent(gap))
    if import_first:
        take(platform, folder)
        assert minutes(gap) == set(open_times(platform))
        run_ingest(platform, first=DAY, last=DAY)
    else:
        run_ingest(platform, first=DAY, last=DAY)
        take(platform, folder)
    assert stored(platform) == expected
    assert refused(platform) == minutes(gap)
    (ledger,) = platform.warehouse.gap_ledger.list_gaps(SYMBOL)
    assert ledger.gap_class is GapClass.OUTAGE
    assert check(platform).passed
    take(platform, folder)
    for exact in (False, True):
        (one,) = rebuild_from_lake(platform, [SYMBOL], exact=exact)
        assert one.error is None
        assert stored(platform) == expected
    assert check(platform).passed
    assert refused(platform) == minutes(gap)


def test_each_refused_row_is_quarantined_once_with_its_reason(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    platform = build_platform(simulated_exchange(now=NOON, faults=[outage(SHORT)]))
    run_ingest(platform, first=DAY, last=DAY)
    rows = flat(SHORT)
    for written_at in (NOON - 1000, NOON):
        take(platform, write(tmp_path / "old", rows, written_at))
    found = platform.warehouse.quarantine.list_records(SYMBOL)
    assert len(found) == len(rows)
    (first,) = [item for item in found if item.open_time == SHORT.start_ms]
    assert first.kind is ObjectKind.KLINES
    assert first.key.endswith("_import.json")
    assert first.reason == (f"imported, but neither the archive of {DAY} nor REST has this minute")
    assert orjson.loads(first.content)[:5] == rows[0][:5]


def test_a_confirmed_outage_outranks_an_import_before_the_archive_appears(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    tmp_path: Path,
) -> None:
    """An outage of today: only REST and the ledger show it."""
    early = Window(SHORT.start_ms + 24 * HOUR_MS, SHORT.end_ms + 24 * HOUR_MS)
    server = simulated_exchange(now=NOON, faults=[outage(early)])
    platform = build_platform(server, warehouse_url=warehouse_url)
    run_ingest(platform)
    before = open_times(platform)
    take(platform, write(tmp_path / "old", flat(early)))
    assert open_times(platform) == before
    assert refused(platform) == minutes(early)
    reasons = {item.reason for item in platform.warehouse.quarantine.list_records(SYMBOL)}
    assert reasons == {
        "imported, but the gap ledger records outage: the exchange has no such minute"
    }
    for exact in (False, True):
        list(rebuild_from_lake(platform, [SYMBOL], exact=exact))
        assert open_times(platform) == before
    assert verify_symbol(platform, SYMBOL, Window.of_day(TODAY)).passed


def test_imported_minutes_in_an_unconfirmed_gap_count_until_the_archive_appears(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    server = simulated_exchange(now=NOON, faults=[outage(SHORT), LATE])
    platform = build_platform(server)
    run_ingest(platform, first=DAY, last=DAY)
    (gap,) = platform.warehouse.gap_ledger.list_gaps(SYMBOL)
    assert gap.gap_class is GapClass.ARCHIVE_LATE
    before = open_times(platform)
    take(platform, write(tmp_path / "old", flat(SHORT)))
    assert minutes(SHORT) <= set(open_times(platform))
    assert check(platform).passed
    server.faults.clear_rules()
    server.faults.add_rule(outage(SHORT))
    run_ingest(platform, first=DAY, last=DAY, mode=IngestMode.CLOSING)
    assert set(open_times(platform)) & DAYS_MINUTES == set(before)
    assert refused(platform) == minutes(SHORT)
    (gap,) = platform.warehouse.gap_ledger.list_gaps(SYMBOL)
    assert gap.gap_class is GapClass.OUTAGE
    assert check(platform).passed


DAYS_MINUTES = minutes(DAYS)


@pytest.mark.parametrize("late_first", [True, False])
def test_imports_that_contradict_the_exchanges_hours_are_found_and_removed_as_suggested(
    late_first: bool,
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    tmp_path: Path,
) -> None:
    """120 minutes over an outage: half an hour, an hour that the exchange lacks, half an hour."""
    server = simulated_exchange(now=NOON, faults=[outage(LONG), LATE])
    platform = build_platform(server, warehouse_url=warehouse_url)
    folder = write(tmp_path / "old", linear(LONG))
    if late_first:
        run_ingest(platform, first=DAY, last=DAY)
        before = stored(platform)
        take(platform, folder)
        found = check(platform)
        assert {NINE, NINE + HOUR_MS, NINE + 2 * HOUR_MS} <= set(found.differing_hours)
        assert not found.conflicts
        assert follow_advice(platform) == ["backfill"]
        assert stored(platform) == before
    else:
        take(platform, folder)
        run_ingest(platform, first=DAY, last=DAY)
    assert not set(open_times(platform)) & minutes(LONG)
    found = check(platform)
    assert found.passed
    assert not found.conflicts
    assert refused(platform) == minutes(LONG)


def old_import(platform: PipelineContext, rows: list[KlineRow], *, in_lake: bool) -> None:
    """Recreate what an import by an earlier version left: minutes, hours, days, and no gap."""
    names = "open_time, open, high, low, close, volume, close_time, quote_volume, trade_count"
    for row in rows:
        values = ", ".join(str(value) for value in row[:9])
        tamper(
            platform,
            f"INSERT INTO fact_klines (symbol_id, {names}, taker_buy_volume,"
            f" taker_buy_quote_volume, fetched_at, source) VALUES ({{symbol}}, {values},"
            f" {row[9]}, {row[10]}, {NOON}, 'import')",
        )
    if in_lake:
        item, body = build_klines_object(
            platform.raw_lake.bucket, SYMBOL, RawKlines.from_rows(rows), Source.IMPORT, NOON
        )
        platform.raw_lake.put(item.key, body, fetched_at=NOON, source=Source.IMPORT, rows=len(rows))
        platform.warehouse.lake_objects.record_objects([item])
        platform.warehouse.lake_objects.mark_loaded([item])
    tamper(
        platform,
        f"UPDATE extraction_metadata SET record_count = record_count + {len(rows)}"
        " WHERE kind = 'klines'",
    )
    for hour in sorted({int(row[0]) // HOUR_MS * HOUR_MS for row in rows}):
        tamper(
            platform,
            "INSERT INTO stale_hours (symbol_id, open_time, hour_done)"
            f" VALUES ({{symbol}}, {hour}, 0)",
        )
    day = Window.of_day(day_of(int(rows[0][0])))
    platform.warehouse.aggregates.recompute_hours(SYMBOL, day, NOON)
    platform.warehouse.aggregates.recompute_days(SYMBOL, day, NOON)
    record_gaps(platform, SYMBOL, day, NOON)
    assert platform.warehouse.gap_ledger.list_gaps(SYMBOL) == []


@pytest.mark.parametrize("invent", [flat, linear])
@pytest.mark.parametrize("in_lake", [True, False])
def test_imports_of_an_earlier_version_are_found_and_removed_as_suggested(
    invent: Any,
    in_lake: bool,
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
) -> None:
    server = simulated_exchange(now=NOON, faults=[outage(LONG)])
    platform = build_platform(server, warehouse_url=warehouse_url)
    run_ingest(platform, first=DAY, last=DAY)
    before = stored(platform)
    old_import(platform, invent(LONG), in_lake=in_lake)
    found = check(platform)
    assert {NINE, NINE + HOUR_MS, NINE + 2 * HOUR_MS} <= set(found.differing_hours)
    assert follow_advice(platform) == ["rebuild --exact"]
    assert stored(platform) == before
    assert check(platform).passed
    assert refused(platform) == minutes(LONG)


def test_imports_are_removed_where_only_the_ledger_has_the_outage(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """The lake's objects have expired, or end where the outage begins; the gap is closed."""
    server = simulated_exchange(now=NOON, faults=[outage(SHORT), outage(LONG)])
    platform = build_platform(server)
    run_ingest(platform, first=DAY, last=DAY)
    before = stored(platform)
    old_import(platform, flat(Window(SHORT.start_ms, LONG.end_ms)), in_lake=False)
    platform.warehouse.lake_objects.forget_objects(
        platform.warehouse.lake_objects.list_in_window(SYMBOL, ObjectKind.KLINES, DAYS)
    )
    platform.raw_lake.delete([entry.key for entry in platform.raw_lake.list_entries()])
    found = check(platform)
    assert set(found.differing_hours) == {NINE, NINE + HOUR_MS, NINE + 2 * HOUR_MS}
    assert follow_advice(platform) == ["backfill", "rebuild --exact"]
    assert stored(platform) == before
    assert check(platform).passed


def test_the_next_backfill_removes_what_an_earlier_version_imported(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON, faults=[outage(LONG)])
    platform = build_platform(server)
    run_ingest(platform, first=DAY, last=DAY)
    before = stored(platform)
    old_import(platform, flat(LONG), in_lake=True)
    run_ingest(platform, first=DAY, last=DAY)
    assert stored(platform) == before
    assert check(platform).passed


def test_real_minutes_in_an_import_are_not_quarantined(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    platform = build_platform(simulated_exchange(now=NOON))
    pages = platform.exchange.rest.fetch_kline_pages(SYMBOL, Interval.M1, DAYS)
    folder = write(tmp_path / "old", [row for page in pages for row in page])
    run_ingest(platform, first=DAY, last=DAY)
    before = stored(platform)
    take(platform, folder)
    assert stored(platform) == before
    assert platform.warehouse.quarantine.list_records(SYMBOL) == []


def test_a_minute_that_an_import_lacks_may_exist(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    """Minutes that only the warehouse still has are kept, even by an exact rebuild."""
    platform = build_platform(simulated_exchange(now=NOON, faults=[LATE]))
    run_ingest(platform, first=DAY, last=DAY)
    before = open_times(platform)
    gone = platform.warehouse.lake_objects.list_in_window(SYMBOL, ObjectKind.KLINES, DAYS)
    platform.raw_lake.delete([item.key for item in gone])
    platform.warehouse.lake_objects.forget_objects(gone)
    pages = platform.exchange.rest.fetch_kline_pages(SYMBOL, Interval.M1, DAYS)
    rows = [row for page in pages for row in page if int(row[0]) not in SHORT]
    take(platform, write(tmp_path / "old", rows))
    assert check(platform).passed
    (one,) = rebuild_from_lake(platform, [SYMBOL], exact=True)
    assert (one.minutes.deleted, open_times(platform)) == (0, before)

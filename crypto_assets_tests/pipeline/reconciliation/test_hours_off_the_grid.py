"""Hours that the exchange opened off the grid are compared as it cut them."""

from dataclasses import replace
from datetime import date
from pathlib import Path

from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_start_ms,
    format_utc,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.warehouse import ConflictKind
from crypto_assets_tests.pipeline.conftest import BuildPlatform, run_ingest
from crypto_assets_tests.pipeline.market_files import minute, together, write_candles
from crypto_assets_tests.pipeline.reconciliation.contradictions import (
    ARCHIVE_DIFFERS,
    SYMBOL,
    check,
    volume_at,
)
from crypto_assets_tests.pipeline.tampering import tamper
from crypto_assets_tests.services.exchange import StartExchange

# As in February 2018: after an outage the exchange opened minutes and hours off the grid.
OFF_DAY = date(2018, 2, 9)
OFF_START = day_start_ms(OFF_DAY)
SHIFT = 28 * MINUTE_MS + 14_789


def off_grid_market(folder: Path, *, changed_volume: int = 0) -> Path:
    """Write hours on the grid, an outage, nine off it, one cut short, then the grid again."""
    grid = [minute(OFF_START + n * MINUTE_MS, 100 + n % 7) for n in range(9 * 60 + 20)]
    start = OFF_START + 10 * HOUR_MS + SHIFT
    shifted = [minute(start + n * MINUTE_MS, 110 + n % 5) for n in range(9 * 60 + 31)]
    again = OFF_START + 20 * HOUR_MS
    later = [minute(again + n * MINUTE_MS, 120 + n % 3) for n in range(4 * 60)]
    hours = [
        together(grid[n * 60 :][:60], at := OFF_START + n * HOUR_MS, at + HOUR_MS - 1)
        for n in range(10)
    ]
    hours += [
        together(shifted[n * 60 :][:60], at := start + n * HOUR_MS, at + HOUR_MS - 1)
        for n in range(9)
    ]
    hours[14] = replace(hours[14], volume=hours[14].volume + changed_volume)
    hours.append(together(shifted[540:], start + 9 * HOUR_MS, again + 999))
    hours += [
        together(later[n * 60 :][:60], at := again + n * HOUR_MS, at + HOUR_MS - 1)
        for n in range(4)
    ]
    minutes = [*grid, *shifted, *later]
    write_candles(folder, SYMBOL, "1m", [*minutes, minute(OFF_START + DAY_MS, 100)])
    write_candles(folder, SYMBOL, "1h", hours)
    day = together(minutes, OFF_START, OFF_START + DAY_MS - 1)
    return write_candles(folder, SYMBOL, "1d", [day])


def off_grid_platform(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, folder: Path, url: str = ""
) -> PipelineContext:
    server = simulated_exchange(now=OFF_START + 9 * DAY_MS, data=folder)
    platform = build_platform(server, warehouse_url=url)
    run_ingest(platform, first=OFF_DAY, last=OFF_DAY)
    return platform


def test_hours_off_the_grid_are_compared_as_the_exchange_cut_them(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    tmp_path: Path,
) -> None:
    folder = off_grid_market(tmp_path / "data")
    platform = off_grid_platform(simulated_exchange, build_platform, folder, warehouse_url)
    found = check(platform, OFF_DAY)
    assert (found.differences, found.conflicts, found.recut) == ((), (), 10)
    assert found.compared == 24 + 1


def test_a_conflict_in_an_hour_off_the_grid_keeps_the_minutes_around_it(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    tmp_path: Path,
) -> None:
    folder = off_grid_market(tmp_path / "data")
    at = OFF_START + 12 * HOUR_MS + SHIFT + 5 * MINUTE_MS
    wrong = {**ARCHIVE_DIFFERS, "start": format_utc(at), "end": format_utc(at + MINUTE_MS)}
    server = simulated_exchange(now=OFF_START + 9 * DAY_MS, data=folder, faults=[wrong])
    platform = build_platform(server, warehouse_url=warehouse_url)
    run_ingest(platform, first=OFF_DAY, last=OFF_DAY)
    assert volume_at(platform, at) == 2
    run_ingest(platform, first=OFF_DAY, last=OFF_DAY)
    minutes = 9 * 60 + 20 + 9 * 60 + 31 + 4 * 60
    assert platform.warehouse.facts.read_candles(SYMBOL, Window.of_day(OFF_DAY)).num_rows == minutes
    assert platform.warehouse.quarantine.list_records(SYMBOL) == []
    found = check(platform, OFF_DAY)
    assert (found.passed, found.conflicts) == (True, ())


def test_a_contradicting_hour_off_the_grid_is_listed(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    folder = off_grid_market(tmp_path / "data", changed_volume=1)
    platform = off_grid_platform(simulated_exchange, build_platform, folder)
    found = check(platform, OFF_DAY)
    assert found.passed
    (conflict,) = found.conflicts
    assert conflict.kind is ConflictKind.OFF_GRID
    assert conflict.open_time % HOUR_MS == SHIFT
    assert (
        platform.warehouse.exchange_conflicts.list_conflicts(SYMBOL)[0].evidence
        == conflict.evidence
    )


def test_a_missing_minute_of_an_hour_off_the_grid_is_a_difference(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    folder = off_grid_market(tmp_path / "data")
    platform = off_grid_platform(simulated_exchange, build_platform, folder)
    lost = OFF_START + 12 * HOUR_MS + SHIFT
    tamper(platform, f"DELETE FROM fact_klines WHERE symbol_id = {{symbol}} AND open_time = {lost}")
    found = check(platform, OFF_DAY)
    assert lost in {one.open_time for one in found.differences}

"""Checks what must be true after a soak; each flaw is a line."""

from collections.abc import Iterator
from datetime import date

import dagster as dg
from dagster._core.storage.partition_status_cache import (
    get_and_update_asset_status_cache_value,
)

from crypto_assets.dagster_ext.run_failures import list_failed_partitions
from crypto_assets.defs.partitions import DEFAULT_PARTITIONS
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window, day_of, floor_ms, format_utc
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from crypto_assets_tests.soak.world import World

_ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


def find_flaws(world: World, start_ms: int) -> Iterator[str]:
    """Find all flaws since `start_ms`, the start of a day."""
    window = Window(start_ms, floor_ms(world.context.closed_before(), MINUTE_MS))
    for symbol in world.symbols:
        yield from _find_wrong_candles(world, symbol, window)
        verified = verify_symbol(world.context, symbol, window)
        yield from map(str, verified.differences)
        yield from (f"{symbol}: {part} is not loaded" for part in verified.not_loaded)
        yield from (f"{symbol}: {key} is missing from the lake" for key in verified.lost)
    for gap in world.context.warehouse.gap_ledger.list_gaps():
        if gap.gap_class is GapClass.OPEN and not gap.closed_at:
            yield f"{gap.symbol}: the gap from {format_utc(gap.start)} is open"
    yield from find_wrong_partitions(world, start_ms)


def find_wrong_partitions(world: World, start_ms: int) -> Iterator[str]:
    """Find closed days that are not materialized, failed days, and unfinished runs."""
    closed = [day_of(at) for at in range(start_ms, floor_ms(world.now, DAY_MS), DAY_MS)]
    wanted = {f"{day}|{symbol}" for day in closed for symbol in world.symbols}
    for stage in KlinesStage:
        key = dg.AssetKey(stage.value)
        missing = wanted - set(world.instance.get_materialized_partitions(key))
        yield from (f"{stage} {partition} is not materialized" for partition in sorted(missing))
        yield from (
            f"{stage} {partition} has failed: {_find_failure_reason(world, partition)}"
            for partition in _list_failed(world, key)
        )
    for run in world.instance.get_runs():
        if run.status not in _ENDED:
            yield f"the run {run.run_id} of {run.job_name} is {run.status.value}"


def _find_wrong_candles(world: World, symbol: str, window: Window) -> Iterator[str]:
    """Find differences between the stored minutes and those that the exchange published."""
    theirs = world.context.exchange.rest.fetch_candle_table(symbol, Interval.M1, window)
    ours = world.context.warehouse.facts.read_candles(symbol, window)
    expected, stored = (table["open_time"].to_pylist() for table in (theirs, ours))
    for at in sorted(set(expected) - set(stored))[:5]:
        yield f"{symbol}: the candle of {format_utc(at)} is missing"
    for at in sorted(set(stored) - set(expected))[:5]:
        yield f"{symbol}: the exchange has no candle of {format_utc(at)}"
    if len(stored) != len(set(stored)):
        yield f"{symbol}: some candles are stored twice"


def _list_failed(world: World, key: dg.AssetKey) -> list[str]:
    """List the partitions that Dagster shows as failed: the last run for them failed."""
    status = get_and_update_asset_status_cache_value(
        world.instance, key, DEFAULT_PARTITIONS.keys_def
    )
    found = (
        status.deserialize_failed_partition_subsets(DEFAULT_PARTITIONS.keys_def) if status else None
    )
    return sorted(found.get_partition_keys()) if found else []


def _find_failure_reason(world: World, partition: str) -> str:
    failed = world.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    reasons = [
        reason
        for run in failed
        for _, named, reason in list_failed_partitions(world.instance, run)
        if partition in named
    ]
    return reasons[0] if reasons else "no run reports it"


def find_failed_checks(world: World, days: list[date]) -> Iterator[str]:
    """Find partitions of closed days whose last check failed, or that were never checked."""
    storage = world.instance.event_log_storage
    for spec in world.definitions.resolve_asset_graph().asset_check_keys:
        latest: dict[str, bool] = {}
        for record in storage.get_asset_check_execution_history(spec, limit=2000):
            event = record.event.dagster_event if record.event else None
            if event and record.partition and record.partition not in latest:
                latest[record.partition] = event.asset_check_evaluation_data.passed
        for day in days:
            for symbol in world.symbols:
                if not latest.get(f"{day}|{symbol}"):
                    result = "failed" if f"{day}|{symbol}" in latest else "never evaluated"
                    yield f"{spec.name} of {day}|{symbol}: {result}"

"""The job `backfill`, and running it in the process of the command."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from threading import Event, Thread
from typing import Any

import dagster as dg

from crypto_assets.batches import iter_batches
from crypto_assets.dagster_ext.asset_job import AssetJob
from crypto_assets.dagster_ext.run_failures import describe_run_failure, describe_step_failure
from crypto_assets.dagster_ext.run_liveness import build_owner_tag
from crypto_assets.defs.assets.klines import MAX_KEYS_PER_RUN
from crypto_assets.defs.ingest import order_books_job
from crypto_assets.defs.markets import HOME_MARKET, MarketSpec
from crypto_assets.defs.partitions import (
    HOME_PARTITIONS,
    find_contiguous_ranges,
    rectangle_tags,
)
from crypto_assets.orchestrator.partition_keys import format_partition_key
from crypto_assets.orchestrator.run_queue import BACKFILL_TAGS


def build_backfill_job(market: MarketSpec) -> AssetJob:
    """Build the job that loads whole days of a market's candles."""
    return dg.define_asset_job(
        market.prefix_name("backfill"),
        selection=market.select_klines().without_checks(),
        description="Fetches, loads and aggregates whole days of candles for a range of "
        "partitions.",
        tags=BACKFILL_TAGS,
    )


backfill_job = build_backfill_job(HOME_MARKET)

_POLL_SECONDS = 1.0
_QUIET_RUN_CONFIG: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class PartitionRectangle:
    """The partitions of one run: dates of symbols that are adjacent in Dagster's order."""

    dates: tuple[str, ...]
    symbols: tuple[str, ...]

    @property
    def run_tags(self) -> dict[str, str]:
        return rectangle_tags(self.dates, self.symbols)

    @property
    def partition_keys(self) -> list[str]:
        return [format_partition_key(day, symbol) for day in self.dates for symbol in self.symbols]


def split_into_rectangles(
    instance: dg.DagsterInstance, symbols: Sequence[str], first: date, last: date
) -> list[PartitionRectangle]:
    """Split a range of UTC days (both inclusive) of some symbols into runs of limited size."""
    known = HOME_PARTITIONS.list_known_symbols(instance)
    dates = HOME_PARTITIONS.list_date_keys(first, last)
    return [
        rectangle
        for start, end in find_contiguous_ranges(known, symbols)
        for rectangle in split_dates(dates, known[known.index(start) : known.index(end) + 1])
    ]


def split_dates(dates: Iterable[str], symbols: Sequence[str]) -> Iterator[PartitionRectangle]:
    """Yield runs of limited size over some date keys of adjacent symbols."""
    for batch in iter_batches(dates, max(1, MAX_KEYS_PER_RUN // len(symbols))):
        yield PartitionRectangle(tuple(batch), tuple(symbols))


def run_backfill_in_process(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    rectangles: Sequence[PartitionRectangle],
    on_progress: Callable[[int], None],
) -> list[str]:
    """Run the rectangles one by one, and return the reasons of failures, one line each.

    `on_progress` gets the number of new materializations about once a second.
    """
    return [
        reason
        for rectangle in rectangles
        for reason in _execute_job(defs, backfill_job.name, instance, rectangle, on_progress)
    ]


def run_order_books_in_process(
    defs: dg.Definitions, instance: dg.DagsterInstance, symbols: Sequence[str], today: date
) -> list[str]:
    """Capture an order book of each symbol with the schedule's job; return reasons of failures."""
    return [
        reason
        for rectangle in split_into_rectangles(instance, symbols, today, today)
        for reason in _execute_job(defs, order_books_job.name, instance, rectangle, lambda _: None)
    ]


def _execute_job(
    defs: dg.Definitions,
    job_name: str,
    instance: dg.DagsterInstance,
    rectangle: PartitionRectangle,
    on_progress: Callable[[int], None],
) -> list[str]:
    """Execute one run, and return the reasons of its failures.

    The owner tag is set here, because `execute_in_process` does not use the job's executor.
    """
    run_id = str(uuid.uuid4())
    with _report_materializations(instance, run_id, on_progress):
        result = defs.resolve_job_def(job_name).execute_in_process(
            run_config=_QUIET_RUN_CONFIG,
            instance=instance,
            tags={**rectangle.run_tags, **build_owner_tag(run_id)},
            run_id=run_id,
            raise_on_error=False,
        )
    if result.success:
        return []
    reasons = [describe_step_failure(event) for event in result.get_step_failure_events()]
    # A run that fails before its step begins has no step failure.
    return reasons or [describe_run_failure(instance, run_id)]


@contextmanager
def _report_materializations(
    instance: dg.DagsterInstance, run_id: str, on_progress: Callable[[int], None]
) -> Iterator[None]:
    """Report a run's new materializations while it runs, by polling the instance in a thread."""
    cursor: str | None = None
    ended = Event()

    def report_new_events() -> None:
        nonlocal cursor
        page = instance.get_records_for_run(
            run_id, cursor, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        cursor = page.cursor
        if page.records:
            on_progress(len(page.records))

    def poll_events() -> None:
        while not ended.wait(_POLL_SECONDS):
            report_new_events()

    thread = Thread(target=poll_events, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        report_new_events()

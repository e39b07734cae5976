"""The job `backfill`, and running it in the process of the command."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import dagster as dg

from crypto_assets.dagster_ext.run_failures import describe_run_failure, describe_step_failure
from crypto_assets.dagster_ext.run_liveness import build_owner_tag
from crypto_assets.defs.assets.klines import MAX_KEYS_PER_RUN
from crypto_assets.defs.assets.specs import KLINES_SELECTION
from crypto_assets.defs.ingest import order_books_job
from crypto_assets.defs.partitions import (
    find_contiguous_ranges,
    list_date_keys,
    rectangle_tags,
)
from crypto_assets.orchestrator.partition_keys import (
    SYMBOL_PARTITIONS_NAME,
    format_partition_key,
)
from crypto_assets.orchestrator.run_classes import BACKFILL_TAGS
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage

backfill_job = dg.define_asset_job(
    "backfill",
    selection=KLINES_SELECTION.without_checks(),
    description="Fetches, loads and aggregates whole days of candles for a range of partitions.",
    tags=BACKFILL_TAGS,
)

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


@dataclass(frozen=True)
class BackfillResult:
    """Counts of asset partitions; `errors` has one line per failed step or run."""

    targeted: int
    materialized: int
    errors: tuple[str, ...]


def split_into_rectangles(
    instance: dg.DagsterInstance, symbols: Sequence[str], first: date, last: date
) -> list[PartitionRectangle]:
    """Split a range of UTC days (both inclusive) of some symbols into runs of limited size."""
    known = list(instance.get_dynamic_partitions(SYMBOL_PARTITIONS_NAME))
    dates = list_date_keys(first, last)
    rectangles = []
    for start, end in find_contiguous_ranges(known, symbols):
        group = tuple(known[known.index(start) : known.index(end) + 1])
        step = max(1, MAX_KEYS_PER_RUN // len(group))
        rectangles += [
            PartitionRectangle(tuple(dates[at : at + step]), group)
            for at in range(0, len(dates), step)
        ]
    return rectangles


def run_backfill_in_process(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    rectangles: Sequence[PartitionRectangle],
    on_progress: Callable[[int], None],
) -> BackfillResult:
    """Run the rectangles one by one; `on_progress` gets the number of new materializations."""
    return _execute_runs(
        defs, backfill_job.name, instance, rectangles, len(KlinesStage), on_progress
    )


def run_order_books_in_process(
    defs: dg.Definitions, instance: dg.DagsterInstance, symbols: Sequence[str], today: date
) -> BackfillResult:
    """Capture an order-book snapshot of each symbol with the job that the schedule launches."""
    rectangles = split_into_rectangles(instance, symbols, today, today)
    return _execute_runs(
        defs, order_books_job.name, instance, rectangles, len(OrderBookStage), lambda _: None
    )


def _execute_runs(
    defs: dg.Definitions,
    job_name: str,
    instance: dg.DagsterInstance,
    rectangles: Sequence[PartitionRectangle],
    assets: int,
    on_progress: Callable[[int], None],
) -> BackfillResult:
    runs = [_execute_job(defs, job_name, instance, each, on_progress) for each in rectangles]
    return BackfillResult(
        targeted=sum(len(each.partition_keys) for each in rectangles) * assets,
        materialized=sum(count for count, _ in runs),
        errors=tuple(reason for _, reasons in runs for reason in reasons),
    )


def _execute_job(
    defs: dg.Definitions,
    job_name: str,
    instance: dg.DagsterInstance,
    rectangle: PartitionRectangle,
    on_progress: Callable[[int], None],
) -> tuple[int, list[str]]:
    """Execute one run; return the number of materializations and the reasons of failures.

    The owner tag is set here, because `execute_in_process` does not use the job's executor.
    """
    run_id = str(uuid.uuid4())
    with _MaterializationCounter(instance, run_id, on_progress) as counter:
        result = defs.resolve_job_def(job_name).execute_in_process(
            run_config=_QUIET_RUN_CONFIG,
            instance=instance,
            tags={**rectangle.run_tags, **build_owner_tag(run_id)},
            run_id=run_id,
            raise_on_error=False,
        )
    if result.success:
        return counter.count, []
    reasons = [describe_step_failure(event) for event in result.get_step_failure_events()]
    # A run that fails before its step begins has no step failure.
    return counter.count, reasons or [describe_run_failure(instance, run_id)]


class _MaterializationCounter:
    """Counts a run's materializations while it runs, by polling the instance from a thread."""

    def __init__(
        self, instance: dg.DagsterInstance, run_id: str, on_progress: Callable[[int], None]
    ) -> None:
        self.count = 0
        self._instance, self._run_id, self._on_progress = instance, run_id, on_progress
        self._cursor: str | None = None
        self._ended = Event()
        self._thread = Thread(target=self._poll_events, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._count_new_events()

    def _poll_events(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            self._count_new_events()

    def _count_new_events(self) -> None:
        page = self._instance.get_records_for_run(
            self._run_id, self._cursor, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        self._cursor = page.cursor
        if page.records:
            self.count += len(page.records)
            self._on_progress(len(page.records))

"""The backfill: its job, and the command's way of running it in its own process."""

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
    SYMBOL_PARTITIONS_NAME,
    find_contiguous_ranges,
    list_date_keys,
    rectangle_tags,
)
from crypto_assets.orchestrator.run_classes import BACKFILL_TAGS
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage

backfill_job = dg.define_asset_job(
    "backfill",
    selection=KLINES_SELECTION.without_checks(),
    description="Whole days from the exchange to daily candles, for a rectangle of partitions.",
    tags=BACKFILL_TAGS,
)

_POLL_SECONDS = 1.0
_QUIET_RUN_CONFIG: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class PartitionRectangle:
    """Days by symbols, as one run takes them; symbols are neighbours in Dagster's order."""

    dates: tuple[str, ...]
    symbols: tuple[str, ...]

    @property
    def run_tags(self) -> dict[str, str]:
        return rectangle_tags(self.dates, self.symbols)

    @property
    def partition_keys(self) -> list[str]:
        return [f"{day}|{symbol}" for day in self.dates for symbol in self.symbols]


@dataclass(frozen=True)
class BackfillResult:
    """Counts of asset partitions; `errors` is one line for each run that failed."""

    targeted: int
    materialized: int
    errors: tuple[str, ...]


def split_into_rectangles(
    instance: dg.DagsterInstance, symbols: Sequence[str], first: date, last: date
) -> list[PartitionRectangle]:
    """A range of days (UTC, both inclusive) of some symbols, cut into runs of bounded size."""
    known = list(instance.get_dynamic_partitions(SYMBOL_PARTITIONS_NAME))
    dates = list_date_keys(first, last)
    found = []
    for start, end in find_contiguous_ranges(known, symbols):
        group = tuple(known[known.index(start) : known.index(end) + 1])
        step = max(1, MAX_KEYS_PER_RUN // len(group))
        found += [
            PartitionRectangle(tuple(dates[at : at + step]), group)
            for at in range(0, len(dates), step)
        ]
    return found


def run_backfill_in_process(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    parts: Sequence[PartitionRectangle],
    on_progress: Callable[[int], None],
) -> BackfillResult:
    """Run the parts one after another; `on_progress` gets each growth of materialisations."""
    ran = [_execute_job(defs, backfill_job.name, instance, part, on_progress) for part in parts]
    return BackfillResult(
        targeted=sum(len(part.partition_keys) for part in parts) * len(KlinesStage),
        materialized=sum(count for count, _ in ran),
        errors=tuple(reason for _, reasons in ran for reason in reasons),
    )


def run_order_books_in_process(
    defs: dg.Definitions, instance: dg.DagsterInstance, symbols: Sequence[str], today: date
) -> BackfillResult:
    """One order-book snapshot of each symbol, by the job that the schedule runs too."""
    parts = split_into_rectangles(instance, symbols, today, today)
    ran = [
        _execute_job(defs, order_books_job.name, instance, part, lambda _: None) for part in parts
    ]
    return BackfillResult(
        targeted=sum(len(part.partition_keys) for part in parts) * len(OrderBookStage),
        materialized=sum(count for count, _ in ran),
        errors=tuple(reason for _, reasons in ran for reason in reasons),
    )


def _execute_job(
    defs: dg.Definitions,
    job_name: str,
    instance: dg.DagsterInstance,
    part: PartitionRectangle,
    on_progress: Callable[[int], None],
) -> tuple[int, list[str]]:
    """One run: how many asset partitions it materialised, and why its steps failed.

    Signed here, since what runs in a process that is there leaves the executor out.
    """
    run_id = str(uuid.uuid4())
    with _MaterializationCounter(instance, run_id, on_progress) as watch:
        result = defs.resolve_job_def(job_name).execute_in_process(
            run_config=_QUIET_RUN_CONFIG,
            instance=instance,
            tags={**part.run_tags, **build_owner_tag(run_id)},
            run_id=run_id,
            raise_on_error=False,
        )
    if result.success:
        return watch.count, []
    # What fails before its step begins has none to say why.
    said = [describe_step_failure(event) for event in result.get_step_failure_events()]
    return watch.count, said or [describe_run_failure(instance, run_id)]


class _MaterializationCounter:
    """Counts a run's materialisations while it runs, by asking the instance from a thread."""

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

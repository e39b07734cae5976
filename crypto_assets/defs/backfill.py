"""The job `backfill`, and running it in the process of the command."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from threading import Event, Thread
from typing import Any

import dagster as dg

from crypto_assets.batches import iter_batches
from crypto_assets.dagster_ext.asset_job import AssetJob
from crypto_assets.dagster_ext.run_failures import describe_run_failure, describe_step_failure
from crypto_assets.dagster_ext.run_liveness import build_owner_tag
from crypto_assets.defs.assets.klines import get_keys_per_run
from crypto_assets.defs.ingest import order_books_job
from crypto_assets.defs.markets import DEFAULT_MARKET, MarketSpec
from crypto_assets.defs.owners import JOB_OWNERS
from crypto_assets.defs.partitions import DEFAULT_PARTITIONS
from crypto_assets.defs.run_partitions import PartitionRectangle
from crypto_assets.errors import OrchestratorError
from crypto_assets.orchestrator.run_queue import BACKFILL_TAGS
from crypto_assets.warehouse.engine.error_translation import translate_dagster_errors


def build_backfill_job(market: MarketSpec) -> AssetJob:
    """Build the job that loads whole days of a market's candles."""
    return dg.define_asset_job(
        market.prefix_name("backfill"),
        selection=market.select_klines().without_checks(),
        description="Fetches, loads and aggregates whole days of candles for a range of "
        "partitions.",
        tags=BACKFILL_TAGS,
        **JOB_OWNERS,
    )


backfill_job = build_backfill_job(DEFAULT_MARKET)

_POLL_SECONDS = 1.0
_QUIET_RUN_CONFIG: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def split_into_rectangles(
    symbols: Sequence[str], first: date, last: date
) -> list[PartitionRectangle]:
    """Split a range of UTC days (both inclusive) of some symbols into runs of limited size."""
    dates = DEFAULT_PARTITIONS.list_date_keys(first, last)
    return list(split_dates(dates, symbols, get_keys_per_run(DEFAULT_MARKET)))


def split_dates(
    dates: Iterable[str], symbols: Sequence[str], keys_per_run: int
) -> Iterator[PartitionRectangle]:
    """Yield runs of limited size over some date keys of some symbols."""
    for batch in iter_batches(dates, max(1, keys_per_run // len(symbols))):
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
    job = defs.resolve_job_def(backfill_job.name)
    return [
        reason
        for rectangle in rectangles
        for reason in _execute_job(job, DEFAULT_MARKET.klines_op, instance, rectangle, on_progress)
    ]


def run_order_books_in_process(
    defs: dg.Definitions, instance: dg.DagsterInstance, symbols: Sequence[str], today: date
) -> list[str]:
    """Capture an order book of each symbol with the schedule's job; return reasons of failures."""
    job, op = defs.resolve_job_def(order_books_job.name), DEFAULT_MARKET.order_books_op
    return [
        reason
        for rectangle in split_into_rectangles(symbols, today, today)
        for reason in _execute_job(job, op, instance, rectangle, lambda _: None)
    ]


def _execute_job(
    job: dg.JobDefinition,
    op_name: str,
    instance: dg.DagsterInstance,
    rectangle: PartitionRectangle,
    on_progress: Callable[[int], None],
) -> list[str]:
    """Execute one run, and return the reasons of its failures.

    The owner tag is set here, because `execute_in_process` does not use the job's executor.
    """
    run_id = str(uuid.uuid4())
    with _report_materializations(instance, run_id, on_progress):
        result = job.execute_in_process(
            run_config={**_QUIET_RUN_CONFIG, **rectangle.build_run_config(op_name)},
            instance=instance,
            tags={**rectangle.description_tags, **build_owner_tag(run_id)},
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
        # The run meets the same error, and reports it.
        with suppress(OrchestratorError), translate_dagster_errors(Path(instance.root_directory)):
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

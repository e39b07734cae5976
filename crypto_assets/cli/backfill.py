"""`crypto-assets backfill`: a rectangle of partitions, materialised as Dagster runs."""

import time
from collections.abc import Sequence
from datetime import date

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from crypto_assets.cli.options import check_day_options, days_options, symbols_option
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.control.backfill import (
    BackfillRequest,
    Partitioning,
    launch_backfill,
    plan_backfill,
)
from crypto_assets.pipeline.control.bootstrap import register_symbols, require_stores_ready
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_shared_context

_POLL_SECONDS = 1.0


@click.command()
@symbols_option
@days_options
def backfill(symbols: tuple[str, ...] | None, first: date, last: date) -> None:
    """Bring whole days from the exchange to daily candles; today as far as it has closed."""
    run_backfill(symbols, first, last)


def run_backfill(symbols: Sequence[str] | None, first: date, last: date) -> int:
    """What `backfill` does; answers how many asset partitions were materialised.

    Raises WrongUse, UnknownSymbol, or CryptoAssetsError naming what failed.
    """
    stores = open_shared_context()
    require_stores_ready(stores)
    check_day_options(first, last, stores.exchange_now())
    register_symbols(stores, symbols or ())
    chosen = get_settings()
    cut = Partitioning(chosen.partition_unit, chosen.start_date)
    wanted = plan_backfill(stores, cut, symbols, first, last)
    if (wanted.first, wanted.last) != (first, last):
        click.echo(f"widened to whole months: {wanted.first} to {wanted.last}", err=True)
    with _build_progress_bar() as progress:
        task = progress.add_task(
            "asset partitions", total=len(wanted.partition_keys) * len(KlinesStage)
        )
        orchestrator = Orchestrator(chosen.dagster_url)
        if orchestrator.serves_home(chosen.dagster_home):
            return _backfill_through_dagster(orchestrator, wanted, progress, task)
        return _backfill_in_process(wanted, progress, task)


def _backfill_in_process(wanted: BackfillRequest, progress: Progress, task: TaskID) -> int:
    from crypto_assets.dagster_ext.instance_home import open_instance, prepare_home
    from crypto_assets.definitions import defs
    from crypto_assets.defs.backfill import run_backfill_in_process, split_into_rectangles
    from crypto_assets.defs.partitions import register_symbol_partitions

    if notice := prepare_home(get_settings().dagster_home):
        click.echo(notice, err=True)
    with open_instance(get_settings().dagster_home) as instance:
        register_symbol_partitions(instance, wanted.symbols)
        parts = split_into_rectangles(instance, wanted.symbols, wanted.first, wanted.last)
        result = run_backfill_in_process(
            defs, instance, parts, lambda count: progress.advance(task, count)
        )
    if result.errors:
        raise CryptoAssetsError("; ".join(result.errors))
    return result.materialized


def _backfill_through_dagster(
    orchestrator: Orchestrator, wanted: BackfillRequest, progress: Progress, task: TaskID
) -> int:
    backfill_id = launch_backfill(orchestrator, wanted)
    while not (now := orchestrator.get_backfill(backfill_id)).ended:
        progress.update(task, completed=now.materialized + now.failed)
        time.sleep(_POLL_SECONDS)
    progress.update(task, completed=now.materialized)
    if not now.succeeded:
        raise CryptoAssetsError(
            f"{now.targeted - now.materialized} of {now.targeted} asset partitions failed: "
            f"{now.error or 'its runs ended without a word'}; "
            f"see {get_settings().dagster_link_url}/runs/b/{backfill_id}"
        )
    return now.materialized


def _build_progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        refresh_per_second=2,
    )

"""`crypto-assets backfill`: materialize days of symbols as Dagster runs."""

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

from crypto_assets.cli.command_author import find_command_author, record_command
from crypto_assets.cli.options import check_day_options, days_options, symbols_option
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.admin import start_backfill
from crypto_assets.pipeline.control.backfill import (
    BackfillRequest,
    Partitioning,
    plan_backfill,
)
from crypto_assets.pipeline.control.bootstrap import register_symbols, require_stores_ready
from crypto_assets.pipeline.recovery.expired_days import lift_expiry
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_orchestrator, open_shared_context

_POLL_SECONDS = 1.0


@click.command()
@symbols_option
@days_options
@click.option("--reload-expired", is_flag=True, help="Also load days whose minutes have expired.")
def backfill(
    symbols: tuple[str, ...] | None, first: date, last: date, reload_expired: bool
) -> None:
    """Fetch, load and aggregate whole days of candles.

    For today, only closed candles are loaded. The backfill runs in Dagster if that is running, and
    otherwise in this process.
    """
    run_backfill(symbols, first, last, reload_expired=reload_expired)


def run_backfill(
    symbols: Sequence[str] | None, first: date, last: date, *, reload_expired: bool = False
) -> None:
    """Run the backfill, and print its progress.

    Raises WrongUse, UnknownSymbol, or CryptoAssetsError with the reasons of failed runs.
    """
    context = open_shared_context()
    require_stores_ready(context)
    check_day_options(first, last, context.exchange_now())
    register_symbols(context, symbols or ())
    settings = get_settings()
    partitioning = Partitioning(settings.partition_unit, settings.start_date)
    request = plan_backfill(context, partitioning, symbols, first, last)
    if (request.first, request.last) != (first, last):
        click.echo(f"extended to whole months: {request.first} to {request.last}", err=True)
    if reload_expired:
        _lift_expiry(context, request)
    with _build_progress_bar() as progress:
        task = progress.add_task(
            "asset partitions", total=len(request.partition_keys) * len(KlinesStage)
        )
        orchestrator = open_orchestrator(settings)
        if orchestrator.serves_home(settings.dagster_home):
            _backfill_through_dagster(context, orchestrator, request, progress, task)
        else:
            record_command(context, "backfill", request.title)
            _backfill_in_process(request, progress, task)


def _lift_expiry(context: PipelineContext, request: BackfillRequest) -> None:
    closed_before = context.closed_before()
    for symbol in request.symbols:
        if lifted := lift_expiry(context, symbol, request.first, closed_before):
            click.echo(f"{symbol}: {lifted} is no longer expired", err=True)


def _backfill_in_process(request: BackfillRequest, progress: Progress, task: TaskID) -> None:
    from crypto_assets.dagster_ext.instance_home import open_instance, prepare_home
    from crypto_assets.definitions import defs
    from crypto_assets.defs.backfill import run_backfill_in_process, split_into_rectangles
    from crypto_assets.defs.partitions import register_symbol_partitions

    if notice := prepare_home(get_settings().dagster_home):
        click.echo(notice, err=True)
    with open_instance(get_settings().dagster_home) as instance:
        register_symbol_partitions(instance, request.symbols)
        rectangles = split_into_rectangles(request.symbols, request.first, request.last)
        errors = run_backfill_in_process(
            defs, instance, rectangles, lambda count: progress.advance(task, count)
        )
    if errors:
        raise CryptoAssetsError("; ".join(errors))


def _backfill_through_dagster(
    context: PipelineContext,
    orchestrator: Orchestrator,
    request: BackfillRequest,
    progress: Progress,
    task: TaskID,
) -> None:
    backfill_id = start_backfill(context, orchestrator, request, find_command_author())
    while not (current := orchestrator.get_backfill(backfill_id)).ended:
        progress.update(task, completed=current.materialized + current.failed)
        time.sleep(_POLL_SECONDS)
    progress.update(task, completed=current.materialized)
    if not current.succeeded:
        raise CryptoAssetsError(
            f"{current.targeted - current.materialized} of {current.targeted} asset partitions "
            f"failed: {current.error or 'its runs reported no error'}; "
            f"see {get_settings().dagster_link_url}/runs/b/{backfill_id}"
        )


def _build_progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        refresh_per_second=2,
    )

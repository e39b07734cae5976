"""`crypto-assets backfill`: a rectangle of partitions, materialised as Dagster runs."""

import time
from collections.abc import Sequence
from datetime import date, timedelta

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

from crypto_assets.cli.options import check_days, days_options, symbols_option
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.clock import day_of
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.outcome import Stage
from crypto_assets.pipeline.setup import admit, track
from crypto_assets.settings import PartitionUnit, settings
from crypto_assets.wiring import platform

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
    stores = platform()
    admit(stores)
    check_days(first, last, stores.now())
    first, last = _whole_units(first, last, day_of(stores.now()))
    track(stores, symbols or ())
    names = symbols or [symbol.name for symbol in stores.warehouse.symbols.tracked()]
    with _progress() as progress:
        task = progress.add_task("asset partitions", total=None)
        orchestrator = Orchestrator(settings().dagster_url)
        if orchestrator.serves(settings().dagster_home):
            return _through_dagster(orchestrator, names, first, last, progress, task)
        return _in_process(names, first, last, progress, task)


def _whole_units(first: date, last: date, today: date) -> tuple[date, date]:
    """In month mode a range widens to whole months, as far as they have begun, and says so."""
    if settings().partition_unit is PartitionUnit.DAY:
        return first, last
    wide_first = first.replace(day=1)
    next_month = (last.replace(day=28) + timedelta(days=4)).replace(day=1)
    wide_last = min(today, next_month - timedelta(days=1))
    if (wide_first, wide_last) != (first, last):
        click.echo(f"widened to whole months: {wide_first} to {wide_last}", err=True)
    return wide_first, wide_last


def _in_process(
    names: Sequence[str], first: date, last: date, progress: Progress, task: TaskID
) -> int:
    from crypto_assets.definitions import defs
    from crypto_assets.defs.backfill import rectangles, run_in_process
    from crypto_assets.defs.home import add_symbols, open_instance, prepare_home

    prepare_home(settings().dagster_home)
    with open_instance(settings().dagster_home) as instance:
        add_symbols(instance, names)
        parts = rectangles(instance, names, first, last)
        progress.update(task, total=sum(len(part.keys) for part in parts) * len(Stage))
        result = run_in_process(defs, instance, parts, lambda count: progress.advance(task, count))
    if result.errors:
        raise CryptoAssetsError("; ".join(result.errors))
    return result.materialized


def _through_dagster(
    orchestrator: Orchestrator,
    names: Sequence[str],
    first: date,
    last: date,
    progress: Progress,
    task: TaskID,
) -> int:
    from crypto_assets.defs.home import add_symbols, open_instance
    from crypto_assets.defs.jobs import BACKFILL_TAGS
    from crypto_assets.defs.partitions import date_keys

    if sick := orchestrator.sick_daemons():
        raise CryptoAssetsError(
            f"Dagster's daemon does not run ({', '.join(sick)}): start it with `crypto-assets up`"
        )
    with open_instance(settings().dagster_home) as instance:
        add_symbols(instance, names)
    keys = [f"{day}|{name}" for name in names for day in date_keys(first, last)]
    backfill_id = orchestrator.launch_backfill(
        list(Stage), keys, BACKFILL_TAGS, f"{', '.join(names)} {first} to {last}"
    )
    progress.update(task, total=len(keys) * len(Stage))
    while not (now := orchestrator.backfill(backfill_id)).ended:
        progress.update(task, completed=now.materialized + now.failed)
        time.sleep(_POLL_SECONDS)
    progress.update(task, completed=now.materialized)
    if not now.succeeded:
        raise CryptoAssetsError(
            f"{now.targeted - now.materialized} of {now.targeted} asset partitions failed: see "
            f"{orchestrator.url}/runs/b/{backfill_id}. {now.error or ''}"
        )
    return now.materialized


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )

"""`crypto-assets backup`: back up warehouse, lakes, Dagster's storage and home."""

from functools import partial
from pathlib import Path

import click
from rich.filesize import decimal as format_byte_size

from crypto_assets.backup.create import create_backup
from crypto_assets.backup.repository import BackupRepository
from crypto_assets.backup.restore import list_used_names
from crypto_assets.cli.home_permissions import restrict_home
from crypto_assets.cli.markets import load_markets
from crypto_assets.errors import WarehouseError, WarehouseNotReady
from crypto_assets.market.utc_time import now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.service_waiter import MAX_OUTAGE_SECONDS
from crypto_assets.settings import Settings, get_settings, list_market_homes
from crypto_assets.wiring import open_market_context, open_shared_context

_SHOWN_OBJECTS = 10


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    help="Delete all but this number of the newest backups afterwards. Default: keep all.",
)
@click.option("--list", "listing", is_flag=True, help="List the backups in DIRECTORY, and exit.")
def backup(directory: Path, keep: int | None, listing: bool) -> None:
    """Back up warehouse, lakes, Dagster's storage and home to DIRECTORY.

    Further markets are backed up to DIRECTORY/markets. May run while the pipeline runs, and be
    killed at any time. What DIRECTORY has from earlier backups is not copied again. It contains
    secrets, such as the operator's token.
    """
    repository = BackupRepository(directory)
    if listing:
        repository.require_backups()
        for name in repository.list_names():
            click.echo(name)
        return
    settings, context = get_settings(), open_shared_context()
    restrict_home(settings)
    began = now_ms()
    _back_up(context, settings, repository)
    repositories = [repository, *_back_up_markets(repository, settings)]
    try:
        context.warehouse.pipeline_counts.record_backup(began)
    except WarehouseError as error:
        click.echo(f"warning: the metrics will not have this backup: {error}", err=True)
    if keep:
        for each in repositories:
            _delete_old(each, keep)


def _back_up(context: PipelineContext, settings: Settings, repository: BackupRepository) -> None:
    """Back up a market, and print what the backup contains."""
    with context.waiter.wait_up_to(MAX_OUTAGE_SECONDS):
        report = create_backup(context, settings, repository)
    market = f" of the market {context.market}" if context.market else ""
    click.echo(
        f"backup {report.name}{market}: {report.rows:,} rows and {report.objects:,} objects; "
        f"{report.new_files:,} new files, {format_byte_size(report.new_bytes)}"
    )
    for key in report.changed_objects[:_SHOWN_OBJECTS]:
        click.echo(f"warning: {key} in the lake is not what was stored there", err=True)
    if more := len(report.changed_objects[_SHOWN_OBJECTS:]):
        click.echo(f"warning: {more} more objects are not what was stored", err=True)


def _back_up_markets(repository: BackupRepository, settings: Settings) -> list[BackupRepository]:
    """Back up the further markets after the default one, whose backup has Dagster's storage."""
    markets = load_markets()
    done = []
    for name, market_settings in markets.items():
        context = open_market_context(name, market_settings)
        market_repository = repository.of_market(name)
        try:
            _back_up(context, market_settings, market_repository)
        except WarehouseNotReady:
            click.echo(f"warning: the market {name} has no stores yet", err=True)
        else:
            done.append(market_repository)
    for name in sorted(set(list_market_homes(settings.home)) - markets.keys()):
        click.echo(
            f"warning: the market {name} has no YAML file any more: its stores in "
            f"{settings.home} are not in the backup",
            err=True,
        )
    return done


def _delete_old(repository: BackupRepository, keep: int) -> None:
    with repository.lock():
        for name in repository.delete_old(keep):
            click.echo(f"deleted the backup {name}")
        repository.delete_unused_files(partial(list_used_names, repository))

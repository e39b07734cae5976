"""`crypto-assets backup`: back up warehouse, lakes, Dagster's storage and home."""

from functools import partial
from pathlib import Path

import click
from rich.filesize import decimal as format_byte_size

from crypto_assets.backup.create import create_backup
from crypto_assets.backup.repository import BackupRepository
from crypto_assets.backup.restore import list_used_names
from crypto_assets.cli.home_permissions import restrict_home
from crypto_assets.errors import WarehouseError
from crypto_assets.market.utc_time import now_ms
from crypto_assets.service_waiter import MAX_OUTAGE_SECONDS
from crypto_assets.settings import get_settings, list_market_homes
from crypto_assets.wiring import open_shared_context

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

    May run while the pipeline runs, and be killed at any time. What DIRECTORY has from earlier
    backups is not copied again. It contains secrets, such as the operator's token.
    """
    repository = BackupRepository(directory)
    if listing:
        repository.require_backups()
        for name in repository.list_names():
            click.echo(name)
        return
    settings, context = get_settings(), open_shared_context()
    restrict_home(settings)
    with context.waiter.wait_up_to(MAX_OUTAGE_SECONDS):
        began = now_ms()
        report = create_backup(context, settings, repository)
    click.echo(
        f"backup {report.name}: {report.rows:,} rows and {report.objects:,} objects; "
        f"{report.new_files:,} new files, {format_byte_size(report.new_bytes)}"
    )
    for key in report.changed_objects[:_SHOWN_OBJECTS]:
        click.echo(f"warning: {key} in the lake is not what was stored there", err=True)
    if more := len(report.changed_objects[_SHOWN_OBJECTS:]):
        click.echo(f"warning: {more} more objects are not what was stored", err=True)
    try:
        context.warehouse.pipeline_counts.record_backup(began)
    except WarehouseError as error:
        click.echo(f"warning: the metrics will not have this backup: {error}", err=True)
    for name in list_market_homes(settings.home):
        click.echo(f"warning: the market {name} has stores of its own: back them up too", err=True)
    if keep:
        with repository.lock():
            for name in repository.delete_old(keep):
                click.echo(f"deleted the backup {name}")
            repository.delete_unused_files(partial(list_used_names, repository))

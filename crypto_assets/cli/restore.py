"""`crypto-assets restore`: restore a backup into an empty home and warehouse."""

from pathlib import Path

import click

from crypto_assets.backup.repository import BackupRepository
from crypto_assets.backup.restore import check_backup, restore_backup
from crypto_assets.cli.command_author import record_command
from crypto_assets.cli.home_permissions import restrict_home
from crypto_assets.cli.markets import load_market
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.service_waiter import MAX_OUTAGE_SECONDS
from crypto_assets.settings import Settings, get_settings
from crypto_assets.shown_command import format_command
from crypto_assets.wiring import open_market_context, open_shared_context


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--backup", "name", help="The name of a backup. Default: the newest.")
@click.option("--market", help="A further market in the backups. Default: the default market.")
@click.option("--check", is_flag=True, help="Only check that every file of the backup is intact.")
def restore(directory: Path, name: str | None, market: str | None, check: bool) -> None:
    """Restore a backup of DIRECTORY into an empty home and warehouse.

    The settings choose where to, for a further market its YAML file. Checks every file first. If it
    is interrupted, run it again.
    """
    repository = BackupRepository(directory)
    if market:
        repository = repository.of_market(market)
    repository.require_backups()
    if check:
        manifest = repository.read_manifest(name)
        count = check_backup(repository, manifest)
        click.echo(f"the backup {manifest.name} is intact: {count:,} files")
        return
    settings, context = _open_market(market) if market else (get_settings(), open_shared_context())
    settings.home.mkdir(parents=True, exist_ok=True)
    restrict_home(settings)
    with repository.lock_for_reading(), context.waiter.wait_up_to(MAX_OUTAGE_SECONDS):
        report = restore_backup(context, settings, repository, name)
    record_command(context, "restore", report.name)
    click.echo(
        f"restored the backup {report.name}: {report.rows:,} rows and {report.objects:,} objects"
    )
    if report.failed_runs:
        click.echo(f"{report.failed_runs} runs had not ended: Dagster retries them")
    for other in repository.list_markets():
        command = format_command("restore", str(directory), "--market", other)
        click.echo(f"the backups contain the market {other} too: {command}")
    click.echo("start it as before: what is missing since the backup is loaded by itself")


def _open_market(name: str) -> tuple[Settings, PipelineContext]:
    settings = load_market(name)
    return settings, open_market_context(name, settings)

"""`crypto-assets init`: create or migrate everything that the platform needs; may be repeated."""

import sys

import click

from crypto_assets.access import ensure_operator_token, find_operator_token
from crypto_assets.cli.command_author import record_command
from crypto_assets.cli.home_permissions import restrict_home
from crypto_assets.cli.unlock import print_token_problems
from crypto_assets.errors import WarehouseError
from crypto_assets.pipeline.control.admin import TRACKED
from crypto_assets.pipeline.control.bootstrap import initialize_stores
from crypto_assets.settings import Settings, get_settings
from crypto_assets.wiring import open_reports, open_shared_context, open_warehouse


@click.command()
@click.option(
    "--grants", is_flag=True, help="Print SQL that grants the required privileges, and exit."
)
@click.option(
    "--check",
    is_flag=True,
    help="Print what `init` would change, without changing it; exit with 1 if that is anything.",
)
def init(grants: bool, check: bool) -> None:
    """Create or migrate warehouse, lakes and Dagster's home.

    Also tracks the symbols in the settings. You can run it again at any time.
    """
    if check:
        _check_installation(get_settings())
        return
    if grants:
        click.echo(open_warehouse(get_settings()).format_grants())
        return
    restrict_home(get_settings())
    added = run_init()
    tracked = [symbol.name for symbol in open_shared_context().warehouse.symbols.list_tracked()]
    click.echo(f"ready in {get_settings().home}: {len(tracked)} symbols tracked, {len(added)} new")
    for warning in _list_database_warnings():
        click.echo(f"warning: {warning}", err=True)


def _check_installation(settings: Settings) -> None:
    pending = list_pending_changes(settings)
    for change in pending:
        click.echo(change)
    if pending:
        sys.exit(1)
    click.echo(f"{settings.home} is up to date")


def list_pending_changes(settings: Settings) -> list[str]:
    """List what `init` would change. Raises WarehouseTooNew."""
    from crypto_assets.dagster_ext.instance_home import is_config_current

    warehouse = open_shared_context().warehouse
    changes = []
    if pending := warehouse.find_pending_versions():
        changes.append(f"warehouse: upgrade the schema to version {pending[-1]}")
    else:
        tracked = {symbol.name for symbol in warehouse.symbols.list_tracked()}
        if missing := [name for name in settings.symbols if name not in tracked]:
            changes.append(f"warehouse: track {', '.join(missing)}")
    if not is_config_current(settings.dagster_home):
        changes.append(f"write the current dagster.yaml to {settings.dagster_home}")
    if find_operator_token(settings) is None:
        changes.append("write a random operator token to the home")
    return changes


def _list_database_warnings() -> list[str]:
    """List what is unsafe about the database; a replica that is down is a warning too."""
    try:
        return open_reports(get_settings()).list_database_warnings()
    except WarehouseError as error:
        return [str(error)]


def run_init() -> list[str]:
    """Initialize everything, and return the symbols that were not tracked before."""
    from crypto_assets.dagster_ext.instance_home import (
        open_instance,
        prepare_home,
        require_usable_home,
    )
    from crypto_assets.dagster_ext.run_liveness import fail_abandoned_runs
    from crypto_assets.defs.partitions import register_symbol_partitions

    settings = get_settings()
    home = settings.dagster_home
    require_usable_home(home)
    print_token_problems(settings)
    if file := ensure_operator_token(settings):
        click.echo(f"wrote a random operator token to {file}")
    added = initialize_stores(open_shared_context(), settings.symbols, settings.start_date)
    for name in added:
        record_command(open_shared_context(), f"symbol {name}", TRACKED)
    if notice := prepare_home(home):
        click.echo(notice, err=True)
    with open_instance(home) as instance:
        tracked = open_shared_context().warehouse.symbols.list_tracked()
        register_symbol_partitions(instance, [symbol.name for symbol in tracked])
        fail_abandoned_runs(instance)
    return added

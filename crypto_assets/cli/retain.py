"""`crypto-assets retain`: old objects, minutes and order-book levels go."""

import click

from crypto_assets.cli.formatting import format_byte_size
from crypto_assets.market.utc_time import format_utc
from crypto_assets.pipeline.control.bootstrap import admit
from crypto_assets.pipeline.retention.apply_retention import Retired
from crypto_assets.pipeline.retention.apply_retention import retain as retire
from crypto_assets.pipeline.retention.expire_objects import Tally
from crypto_assets.wiring import open_shared_context


@click.command()
@click.option("--dry-run", is_flag=True, help="Print what would go; touch nothing.")
def retain(dry_run: bool) -> None:
    """Retire what is older than the settings keep it; never an object that is not loaded."""
    stores = open_shared_context()
    admit(stores)
    if dry_run:
        click.echo("nothing is touched; this would go:")
    _print_retention(retire(stores, dry_run=dry_run))


def _print_retention(retired: Retired) -> None:
    click.echo(f"raw lake to archive: {_describe_tally(retired.lake.moved)}")
    click.echo(f"deleted from the lake: {_describe_tally(retired.lake.deleted)}")
    if retired.lake.left.objects:
        click.echo(
            f"left in the raw lake: {_describe_tally(retired.lake.left)}; another object stands there "
            "than the one that was loaded, or none"
        )
    for one in retired.minutes:
        if one.rows:
            click.echo(f"{one.symbol}: {one.rows:,} minutes before {format_utc(one.before)}")
        if one.held_up:
            click.echo(f"{one.symbol}: older minutes stay from {one.held_up}")
    click.echo(f"minutes: {retired.minute_rows:,}")
    click.echo(f"order-book levels: {retired.order_book_levels:,}")


def _describe_tally(tally: Tally) -> str:
    return f"{tally.objects:,} objects, {format_byte_size(tally.size_bytes)}"

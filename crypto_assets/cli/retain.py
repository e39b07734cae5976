"""`crypto-assets retain`: old objects, minutes and order-book levels go."""

import click

from crypto_assets.cli.formatting import format_byte_size
from crypto_assets.market.utc_time import format_utc
from crypto_assets.pipeline.control.bootstrap import require_stores_ready
from crypto_assets.pipeline.retention.apply_retention import RetentionResult
from crypto_assets.pipeline.retention.apply_retention import apply_retention as retire
from crypto_assets.pipeline.retention.expire_objects import ObjectTally
from crypto_assets.wiring import open_shared_context


@click.command()
@click.option("--dry-run", is_flag=True, help="Print what would go; touch nothing.")
def retain(dry_run: bool) -> None:
    """Retire what is older than the settings keep it; never an object that is not loaded."""
    stores = open_shared_context()
    require_stores_ready(stores)
    if dry_run:
        click.echo("nothing is touched; this would go:")
    _print_retention(retire(stores, dry_run=dry_run))


def _print_retention(retired: RetentionResult) -> None:
    click.echo(f"raw lake to archive: {_describe_tally(retired.lake.moved)}")
    click.echo(f"deleted from the lake: {_describe_tally(retired.lake.deleted)}")
    if retired.lake.not_moved.objects:
        click.echo(
            f"left in the raw lake: {_describe_tally(retired.lake.not_moved)}; another object stands there "
            "than the one that was loaded, or none"
        )
    for one in retired.minutes:
        if one.rows:
            click.echo(f"{one.symbol}: {one.rows:,} minutes before {format_utc(one.before)}")
        if one.blocker:
            click.echo(f"{one.symbol}: older minutes stay from {one.blocker}")
    click.echo(f"minutes: {retired.minute_rows:,}")
    click.echo(f"order-book levels: {retired.order_book_levels:,}")


def _describe_tally(tally: ObjectTally) -> str:
    return f"{tally.objects:,} objects, {format_byte_size(tally.size_bytes)}"

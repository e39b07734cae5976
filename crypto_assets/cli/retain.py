"""`crypto-assets retain`: expire old objects, minutes and order-book levels."""

import click
from rich.filesize import decimal as format_byte_size

from crypto_assets.cli.command_author import record_command
from crypto_assets.market.utc_time import format_utc
from crypto_assets.pipeline.control.bootstrap import require_stores_ready
from crypto_assets.pipeline.retention.apply_retention import RetentionResult, apply_retention
from crypto_assets.pipeline.retention.expire_objects import ObjectTally
from crypto_assets.service_waiter import MAX_OUTAGE_SECONDS
from crypto_assets.wiring import open_shared_context


@click.command()
@click.option("--dry-run", is_flag=True, help="Print what would expire, without changing anything.")
@click.option(
    "--yes",
    "unlimited",
    is_flag=True,
    help="Also expire what became too old more than 7 days after the last run.",
)
def retain(dry_run: bool, unlimited: bool) -> None:
    """Expire data by the retention policy of the settings.

    Objects that are not loaded never expire. Refuses if this machine's clock and the exchange's
    differ by more than an hour, or the exchange does not respond.
    """
    context = open_shared_context()
    require_stores_ready(context)
    if dry_run:
        click.echo("dry run, no changes; this would expire:")
    else:
        record_command(context, "retain", "without the limit of 7 days" if unlimited else "run")
    with context.waiter.wait_up_to(MAX_OUTAGE_SECONDS):
        _print_retention(apply_retention(context, dry_run=dry_run, unlimited=unlimited))


def _print_retention(result: RetentionResult) -> None:
    click.echo(f"moved from the raw lake to the archive: {_describe_tally(result.lake.moved)}")
    click.echo(f"deleted from the lake: {_describe_tally(result.lake.deleted)}")
    if result.lake.not_moved.objects:
        click.echo(
            f"not moved: {_describe_tally(result.lake.not_moved)}; their raw objects are missing, "
            "or are not the loaded ones"
        )
    for expired in result.minutes:
        if expired.rows:
            before = format_utc(expired.before)
            click.echo(f"{expired.symbol}: {expired.rows:,} minutes before {before}")
        if expired.blocker:
            click.echo(f"{expired.symbol}: older minutes are kept from {expired.blocker}")
    click.echo(f"minutes: {result.minute_rows:,}")
    click.echo(f"order-book levels: {result.order_book_levels:,}")
    if result.time.last_run_ms is not None:
        click.echo(
            f"ages count as of {format_utc(result.time.at_ms)}, 7 days after the last run; the "
            "next run continues, and --yes expires the rest now"
        )


def _describe_tally(tally: ObjectTally) -> str:
    return f"{tally.objects:,} objects, {format_byte_size(tally.size_bytes)}"

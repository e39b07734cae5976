"""`crypto-assets rebuild`: rebuild facts and aggregates from the objects in the lake."""

from datetime import date

import click

from crypto_assets.cli.command_author import describe_selection, record_command
from crypto_assets.cli.options import DayParam, check_day_order, symbols_option
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.control.bootstrap import claim_warehouse_for_lake
from crypto_assets.pipeline.recovery.rebuild import RebuildResult, rebuild_from_lake
from crypto_assets.service_waiter import MAX_OUTAGE_SECONDS
from crypto_assets.wiring import open_shared_context


@click.command()
@symbols_option
@click.option("--from", "first", type=DayParam(), help="First UTC day. Default: the lake's first.")
@click.option(
    "--to", "last", type=DayParam(), help="Last UTC day, inclusive. Default: the lake's last."
)
@click.option(
    "--exact", is_flag=True, help="Delete minutes that were never published, according to the lake."
)
@click.option(
    "--reload-expired",
    is_flag=True,
    help="Also load days whose minutes have expired, from the first day on.",
)
def rebuild(
    symbols: tuple[str, ...] | None,
    first: date | None,
    last: date | None,
    exact: bool,
    reload_expired: bool,
) -> None:
    """Rebuild facts and aggregates from the lake.

    Also rebuilds the manifest of the objects. Default: every day in the lake.
    """
    context = open_shared_context()
    claim_warehouse_for_lake(context)
    record_command(context, "rebuild", describe_selection(symbols, first, last))
    failed = []
    with context.waiter.wait_up_to(MAX_OUTAGE_SECONDS):
        results = rebuild_from_lake(
            context,
            symbols,
            _build_window(first, last),
            exact=exact,
            reload_expired=reload_expired,
        )
        for result in results:
            click.echo(_describe_rebuild(result))
            failed += [result.symbol] if result.error else []
    if failed:
        raise CryptoAssetsError(f"cannot rebuild {', '.join(failed)}: see above")


def _build_window(first: date | None, last: date | None) -> Window | None:
    if first is None and last is None:
        return None
    if first and last:
        check_day_order(first, last)
    end = Window.of_day(last).end_ms if last else 2**53
    return Window(Window.of_day(first).start_ms if first else 0, end)


def _describe_rebuild(result: RebuildResult) -> str:
    if result.error:
        return f"{result.symbol}: {result.error}"
    if not result.objects:
        return f"{result.symbol}: no objects in the lake; no changes"
    minutes = result.minutes
    parts = [
        f"{result.days} days from {result.objects} objects",
        f"{minutes.minutes} minutes ({minutes.new} were missing, {minutes.changed} were different)",
        f"{result.books} order books" if result.books else "",
        f"{minutes.kept} minutes kept that the lake no longer has" if minutes.kept else "",
        f"{minutes.deleted} minutes deleted that were never published" if minutes.deleted else "",
        f"{minutes.skipped_hours} hours left unchanged" if minutes.skipped_hours else "",
        f"{result.rejected} rows quarantined" if result.rejected else "",
        f"{result.forgotten} objects no longer in the lake" if result.forgotten else "",
        f"{result.reloaded} is no longer expired" if result.reloaded else "",
        "not tracked, so ticks fetch no new candles" if result.untracked else "",
    ]
    return f"{result.symbol}: {', '.join(part for part in parts if part)}"

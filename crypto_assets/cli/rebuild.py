"""`crypto-assets rebuild`: facts and aggregates anew, from what the lake holds."""

from datetime import date

import click

from crypto_assets.cli.options import DayParam, symbols_option
from crypto_assets.errors import CryptoAssetsError, WrongUse
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.control.bootstrap import claim_warehouse_for_lake
from crypto_assets.pipeline.recovery.rebuild import RebuildResult, rebuild_from_lake
from crypto_assets.wiring import open_shared_context


@click.command()
@symbols_option
@click.option("--from", "first", type=DayParam(), help="First UTC day; the lake's first if left.")
@click.option("--to", "last", type=DayParam(), help="Last UTC day, inclusive.")
@click.option("--exact", is_flag=True, help="Delete minutes that the lake knows not to exist.")
def rebuild(
    symbols: tuple[str, ...] | None, first: date | None, last: date | None, exact: bool
) -> None:
    """Make manifest, facts and aggregates anew of every day that the lake holds."""
    stores = open_shared_context()
    claim_warehouse_for_lake(stores)
    failed = []
    for one in rebuild_from_lake(stores, symbols, _build_window(first, last), exact=exact):
        click.echo(_describe_rebuild(one))
        failed += [one.symbol] if one.error else []
    if failed:
        raise CryptoAssetsError(f"{', '.join(failed)} could not be rebuilt: see above")


def _build_window(first: date | None, last: date | None) -> Window | None:
    if first is None and last is None:
        return None
    if first and last and first > last:
        raise WrongUse(f"--from {first} is after --to {last}: swap them")
    end = Window.of_day(last).end_ms if last else 2**53
    return Window(Window.of_day(first).start_ms if first else 0, end)


def _describe_rebuild(one: RebuildResult) -> str:
    if one.error:
        return f"{one.symbol}: {one.error}"
    if not one.objects:
        return f"{one.symbol}: the lake holds nothing of it; left as it is"
    minutes = one.minutes
    parts = [
        f"{one.days} days from {one.objects} objects",
        f"{minutes.minutes} minutes ({minutes.new} were missing, {minutes.changed} were others)",
        f"{one.books} order books" if one.books else "",
        f"{minutes.kept} minutes kept that the lake no longer has" if minutes.kept else "",
        f"{minutes.deleted} minutes deleted that were never published" if minutes.deleted else "",
        f"{minutes.skipped_hours} hours left as they are" if minutes.skipped_hours else "",
        f"{one.rejected} rows set aside" if one.rejected else "",
        f"{one.forgotten} objects are gone" if one.forgotten else "",
        "not tracked: no tick brings more" if one.untracked else "",
    ]
    return f"{one.symbol}: {', '.join(part for part in parts if part)}"

"""`crypto-assets verify`: are our hours and days the exchange's own?"""

from dataclasses import asdict
from datetime import date

import click
import orjson

from crypto_assets.cli.options import check_days, days_options, symbols_option
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.clock import Window
from crypto_assets.pipeline.setup import admit
from crypto_assets.pipeline.verify import Verified
from crypto_assets.pipeline.verify import verify as compare
from crypto_assets.wiring import platform


@click.command()
@symbols_option
@days_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(symbols: tuple[str, ...] | None, first: date, last: date, as_json: bool) -> None:
    """Compare hours and days with the exchange's own, and print each difference."""
    stores = platform()
    admit(stores)
    check_days(first, last, stores.now())
    tracked = [symbol.name for symbol in stores.warehouse.symbols.tracked()]
    window = Window.of_days(first, last)
    found = {name: compare(stores, name, window) for name in symbols or tracked}
    (_print_json if as_json else _print_lines)(found)
    differing = sum(len(one.differences) for one in found.values())
    if differing:
        raise CryptoAssetsError(f"{differing} figures differ from the exchange's own")


def _print_lines(found: dict[str, Verified]) -> None:
    for symbol, one in found.items():
        for difference in one.differences:
            click.echo(str(difference))
        click.echo(f"{symbol}: {one.compared} hours and days, {len(one.differences)} differences")


def _print_json(found: dict[str, Verified]) -> None:
    click.echo(orjson.dumps({name: asdict(one) for name, one in found.items()}, default=str))

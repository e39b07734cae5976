"""`crypto-assets verify`: are our hours and days the exchange's own?"""

from dataclasses import asdict
from datetime import date

import click
import orjson

from crypto_assets.cli.options import check_days, days_options, symbols_option
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.lake import parse_key
from crypto_assets.market.clock import Window, day_of, isoformat
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
    failed = [name for name, one in found.items() if not one.passed]
    if failed:
        count = sum(len(one.differences) + len(one.lost) for one in found.values())
        raise CryptoAssetsError(f"{count} differences in {', '.join(failed)}")


def _print_lines(found: dict[str, Verified]) -> None:
    for symbol, one in found.items():
        for difference in one.differences:
            click.echo(str(difference))
        for explained in one.explained:
            click.echo(str(explained))
        for window in one.not_loaded:
            click.echo(f"{symbol}: {window} is not loaded")
        for key in one.lost:
            click.echo(f"{symbol}: the lake has lost {key}")
        if one.hours:
            click.echo(f"{symbol}: look at {', '.join(isoformat(hour) for hour in one.hours)}")
        for advice in _advice(symbol, one):
            click.echo(f"{symbol}: {advice}")
        click.echo(
            f"{symbol}: {one.compared} hours and days, {one.minutes} minutes, "
            f"{len(one.differences)} differences, {len(one.explained)} explained by revisions"
        )


def _advice(symbol: str, one: Verified) -> list[str]:
    """What puts it right, as commands over the days in question."""
    if one.passed:
        return []
    lost = {parts.day for key in one.lost if (parts := parse_key(key))}
    days = sorted({*map(day_of, one.hours), *lost})
    chosen = f"--symbols {symbol} --from {days[0]} --to {days[-1]}"
    ask = f"ask the exchange again: `crypto-assets backfill {chosen}`"
    exact = "--exact " if any(difference.is_invented for difference in one.differences) else ""
    back = f"put back what the lake holds: `crypto-assets rebuild {exact}{chosen}`"
    if one.lost or not one.minutes:
        return [ask, f"then {back}"]
    return [ask] if one.is_the_exchanges else [back]


def _print_json(found: dict[str, Verified]) -> None:
    answer = {name: {**asdict(one), "passed": one.passed} for name, one in found.items()}
    click.echo(orjson.dumps(answer, default=str))

"""The report of the demo: what it loaded, and the comparison with the exchange."""

from collections.abc import Sequence
from datetime import date

import click

from crypto_assets.cli.formatting import print_table
from crypto_assets.cli.status import print_status
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_reports


def print_demo_report(
    context: PipelineContext,
    symbols: Sequence[str],
    first: date,
    last: date,
    loaded: int,
    seconds: float,
) -> None:
    """Print what is stored, and compare it with the exchange's own hours and days.

    `loaded` is the number of candles that were not stored before, and `seconds` the time to load.
    Raises CryptoAssetsError, after printing, if a value differs.
    """
    report = open_reports(get_settings()).get_status()
    print_status(report)
    window = Window.of_days(first, last)
    results = {symbol: verify_symbol(context, symbol, window) for symbol in symbols}
    print_table(
        "compared with the exchange's own hours and days",
        ("symbol", "compared", "differences"),
        (
            (name, f"{result.compared:,}", str(len(result.differences)))
            for name, result in results.items()
        ),
    )
    rows = sum(symbol.rows for symbol in report.symbols)
    click.echo(
        f"{loaded:,} minute candles loaded in {seconds:.0f} s; "
        f"{rows:,} are stored in {get_settings().home}"
    )
    differences = [difference for result in results.values() for difference in result.differences]
    if differences:
        raise CryptoAssetsError(f"{len(differences)} values differ, the first: {differences[0]}")

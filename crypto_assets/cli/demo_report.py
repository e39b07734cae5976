"""What the demo loaded and checked, for a person to read."""

from collections.abc import Sequence
from datetime import date

import click

from crypto_assets.cli.formatting import print_table
from crypto_assets.cli.status import print_status
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.reconciliation.verify import VerificationResult, verify_symbol
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_reports


def print_demo_report(
    platform: PipelineContext, symbols: Sequence[str], first: date, last: date, seconds: float
) -> None:
    """Print what is held, then hold it against the exchange's own hours and days.

    Raises CryptoAssetsError, after printing, where a figure differs.
    """
    found = open_reports(get_settings()).get_status()
    print_status(found)
    window = Window.of_days(first, last)
    checked = {symbol: verify_symbol(platform, symbol, window) for symbol in symbols}
    print_table(
        "checked against the exchange's own hours and days",
        ("symbol", "compared", "differences"),
        ((name, f"{one.compared:,}", str(len(one.differences))) for name, one in checked.items()),
    )
    rows = sum(one.rows for one in found.symbols)
    click.echo(f"{rows:,} minute candles in {seconds:.0f} s, in {get_settings().home}")
    _raise_for_differences(checked)


def _raise_for_differences(checked: dict[str, VerificationResult]) -> None:
    different = [str(one) for found in checked.values() for one in found.differences]
    if different:
        raise CryptoAssetsError(f"{len(different)} figures differ, the first: {different[0]}")

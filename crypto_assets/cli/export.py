"""`crypto-assets export`: write candles of an interval as CSV or Parquet."""

from datetime import date
from pathlib import Path

import click
import pyarrow.compute as pc

from crypto_assets.cli.options import check_day_order, days_options
from crypto_assets.errors import CryptoAssetsError, WrongUse
from crypto_assets.market.intervals import Interval
from crypto_assets.market.symbols import parse_symbol
from crypto_assets.market.utc_time import Window, format_utc
from crypto_assets.reports.table_files import FileKind, write_table_file
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_ready_reports


@click.command()
@click.option("--symbol", required=True, help="A symbol, such as BTCUSDT.")
@click.option(
    "--interval",
    type=click.Choice([interval.value for interval in Interval]),
    default="1h",
    show_default=True,
)
@days_options
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Output file: FILE.csv or FILE.parquet.",
)
def export(symbol: str, interval: str, first: date, last: date, output: Path) -> None:
    """Write closed candles with exact decimals. Missing candles are not filled in.

    The column `partial` is true if the beginning of a candle's period is not stored.
    """
    kind = _parse_file_kind(output)
    check_day_order(first, last)
    reports = open_ready_reports(get_settings())
    window = Window.of_days(first, last)
    series = reports.get_candles(
        parse_symbol(symbol), interval, window.start_ms, window.end_ms, limit=None
    )
    partial_file = output.with_name(f".{output.name}.part")
    try:
        write_table_file(series.closed_table, partial_file, kind)
        partial_file.replace(output)
    except OSError as error:
        raise CryptoAssetsError(f"cannot write {output}: {error.strerror}") from error
    click.echo(f"wrote {series.closed_table.num_rows:,} closed {interval} candles to {output}")
    partial = series.closed_table.filter(pc.field("partial"))["open_time"].to_pylist()
    if partial:
        click.echo(
            f"{len(partial):,} of them are partial (column `partial`): the beginning of the period "
            f"from {format_utc(partial[0])} is not stored"
        )


def _parse_file_kind(output: Path) -> FileKind:
    try:
        return FileKind(output.suffix.removeprefix("."))
    except ValueError:
        raise WrongUse(f"{output}: use a file name that ends in .csv or .parquet") from None

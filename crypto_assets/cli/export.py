"""`crypto-assets export`: candles of any interval as CSV or Parquet."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from crypto_assets.cli.options import days_options
from crypto_assets.errors import CryptoAssetsError, WrongUse
from crypto_assets.market.candles import DECIMAL_COLUMNS, decimal_text
from crypto_assets.market.clock import Window
from crypto_assets.market.intervals import Interval
from crypto_assets.market.symbols import symbol_name
from crypto_assets.settings import settings
from crypto_assets.wiring import open_reports, open_warehouse


@click.command()
@click.option("--symbol", required=True, help="As BTCUSDT.")
@click.option(
    "--interval",
    type=click.Choice([one.value for one in Interval]),
    default="1h",
    show_default=True,
)
@days_options
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="FILE.csv or FILE.parquet.",
)
def export(symbol: str, interval: str, first: date, last: date, output: Path) -> None:
    """Write closed candles with their exact decimals; holes stay holes."""
    write = _writer(output)
    if first > last:
        raise WrongUse(f"--from {first} is after --to {last}: swap them")
    open_warehouse(settings()).require_ready()
    window = Window.of_days(first, last)
    series = open_reports(settings()).candles(
        symbol_name(symbol), interval, window.start_ms, window.end_ms, limit=None
    )
    partial = output.with_name(f".{output.name}.part")
    try:
        write(series.closed, partial)
        partial.replace(output)
    except OSError as error:
        raise CryptoAssetsError(f"cannot write {output}: {error.strerror}") from error
    click.echo(f"{series.closed.num_rows:,} closed candles of {interval} in {output}")


def _writer(output: Path) -> Callable[[pa.Table, Path], None]:
    writers: dict[str, Callable[[pa.Table, Path], None]] = {
        ".csv": _write_csv,
        ".parquet": pyarrow.parquet.write_table,
    }
    if output.suffix not in writers:
        raise WrongUse(f"{output}: name a file that ends in .csv or .parquet")
    return writers[output.suffix]


def _write_csv(table: pa.Table, path: Path) -> None:
    for name in DECIMAL_COLUMNS:
        table = table.set_column(
            table.schema.get_field_index(name), name, decimal_text(table[name])
        )
    pyarrow.csv.write_csv(
        table, path, pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none")
    )

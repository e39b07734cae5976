"""Write tables to files: CSV with decimals as plain text, or Parquet with exact decimals."""

import io
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from crypto_assets.market.candles import format_decimals

_PLAIN = pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none")


class FileKind(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"


def write_table_file(table: pa.Table, sink: Path | io.BytesIO, kind: FileKind) -> None:
    """Write all rows and columns, times in epoch ms. May raise OSError."""
    if kind is FileKind.PARQUET:
        pyarrow.parquet.write_table(table, sink)
    else:
        pyarrow.csv.write_csv(convert_decimals_to_text(table), sink, _PLAIN)


def convert_decimals_to_text(table: pa.Table) -> pa.Table:
    """Convert decimal columns to text as the exchange writes it, never with an exponent."""
    for index, column in enumerate(table.schema):
        if pa.types.is_decimal(column.type):
            table = table.set_column(index, column.name, format_decimals(table[column.name]))
    return table

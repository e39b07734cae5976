"""Candles: their columns and types, and the conversion from and to the exchange's rows.

Many candles are a `pyarrow.Table` of `CANDLE_SCHEMA`, whose decimals are exact and whose operations
do not hold the interpreter's lock; a single one is a `Candle` of Decimals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

PRICE_TYPE = pa.decimal128(20, 8)
VOLUME_TYPE = pa.decimal128(30, 8)

CANDLE_SCHEMA = pa.schema(
    [
        ("open_time", pa.int64()),
        ("open", PRICE_TYPE),
        ("high", PRICE_TYPE),
        ("low", PRICE_TYPE),
        ("close", PRICE_TYPE),
        ("volume", VOLUME_TYPE),
        ("close_time", pa.int64()),
        ("quote_volume", VOLUME_TYPE),
        ("trade_count", pa.int64()),
        ("taker_buy_volume", VOLUME_TYPE),
        ("taker_buy_quote_volume", VOLUME_TYPE),
    ]
)
CANDLE_COLUMNS: tuple[str, ...] = tuple(CANDLE_SCHEMA.names)
# The columns that a later fetch may revise: all but the open time.
VALUE_COLUMNS: tuple[str, ...] = tuple(name for name in CANDLE_COLUMNS if name != "open_time")
DECIMAL_COLUMNS: tuple[str, ...] = tuple(
    field.name for field in CANDLE_SCHEMA if pa.types.is_decimal(field.type)
)

# The most characters of a number, above what any column holds. Arrow converts text of a million
# digits to a wrong number, without an error.
MAX_NUMBER_CHARACTERS = 40

# A row of the exchange's response: 12 fields, times and trades as int, the others as decimal text.
KlineRow = list[int | str]


@dataclass(frozen=True)
class Candle:
    """One closed candle; times in epoch ms, prices in quote units, volumes in base units."""

    open_time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    close_time: int
    quote_volume: Decimal
    trade_count: int
    taker_buy_volume: Decimal
    taker_buy_quote_volume: Decimal


def table_from_rows(rows: Sequence[KlineRow]) -> pa.Table:
    """Convert rows of 12 fields to a table of CANDLE_SCHEMA; the twelfth field is unused.

    Raises ValueError (pyarrow's ArrowInvalid is one) if a field is not a number, has more than
    eight decimals or does not fit its type, or if a row does not have 12 fields.
    """
    if not rows:
        return CANDLE_SCHEMA.empty_table()
    columns = list(zip(*rows, strict=True))
    if len(columns) != 12:
        raise ValueError(f"a kline row has 12 fields, these have {len(columns)}")
    return pa.table(
        [
            _cast_column(values, field.type)
            for values, field in zip(columns, CANDLE_SCHEMA, strict=False)
        ],
        schema=CANDLE_SCHEMA,
    )


def _cast_column(values: Sequence[int | str], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_integer(kind):
        text = pa.array(values, pa.string())
        require_number_length(pc.max(pc.binary_length(text)).as_py() or 0)
        return text.cast(kind)
    column = pa.array(values)
    if not (pa.types.is_integer(column.type) or pa.types.is_null(column.type)):
        raise ValueError(f"expected whole numbers, not {column.type}")
    return column.cast(kind)


def require_number_length(characters: int) -> None:
    """Raise ValueError for a number of more than MAX_NUMBER_CHARACTERS."""
    if characters > MAX_NUMBER_CHARACTERS:
        raise ValueError(f"a number has {characters} characters")


def format_decimals(column: pa.ChunkedArray) -> pa.Array:
    """Format decimals as the exchange does: without an exponent, with eight decimals.

    Arrow uses an exponent for zero and for values below 1e-6, which are formatted here.
    """
    text = column.cast(pa.string()).combine_chunks()
    text = pc.if_else(pc.equal(text, "0E-8"), "0.00000000", text)
    exponents = pc.match_substring(text, "E")
    if not pc.any(exponents).as_py():
        return text
    plain = [f"{Decimal(value):f}" for value in text.filter(exponents).to_pylist()]
    return pc.replace_with_mask(text, exponents, pa.array(plain, pa.string()))


def rows_from_table(table: pa.Table) -> list[KlineRow]:
    """Convert a table to rows of 12 fields as the exchange writes them; the twelfth is "0"."""
    columns = [
        (
            format_decimals(table[field.name])
            if pa.types.is_decimal(field.type)
            else table[field.name]
        ).to_pylist()
        for field in CANDLE_SCHEMA
    ]
    return [[*row, "0"] for row in zip(*columns, strict=True)]


def table_from_candles(candles: Sequence[Candle]) -> pa.Table:
    """Build a table of CANDLE_SCHEMA from candles."""
    return pa.Table.from_pylist([vars(candle) for candle in candles], CANDLE_SCHEMA)


def candles_from_table(table: pa.Table) -> list[Candle]:
    """Convert the rows of a table of CANDLE_SCHEMA to candles; further columns are ignored."""
    return [Candle(**row) for row in table.select(CANDLE_COLUMNS).to_pylist()]

"""Reads one CSV file of recorded candles.

The header is `open_time,open,high,low,close,volume`, and any of `close_time`, `quote_volume`,
`trade_count`, `taker_buy_volume`, `taker_buy_quote_volume` after it. Times are epoch ms,
ascending; decimals are text, plain or with an exponent, and are rounded to eight places. Without
its column a close time is the last millisecond of a full period, any other value 0.
"""

import csv
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from crypto_assets.errors import WrongUse
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA
from crypto_assets.market.utc_time import day_start_ms

_REQUIRED = CANDLE_COLUMNS[:6]
_BLOCK_BYTES = 16 * 1024 * 1024
_EIGHTH = Decimal("1E-8")
# A time beyond this is no millisecond count.
_LATEST_MS = day_start_ms(date(2200, 1, 1))


class _InvalidFile(Exception):
    """Something in the file is wrong; where is found by reading it again, line by line."""


def read_candle_file(path: Path, interval: KlineInterval) -> pa.Table:
    """CANDLE_SCHEMA, ascending. Raises WrongUse naming the file and the line of the first flaw."""
    header = _read_header(path)
    try:
        table = pa.concat_tables(
            [CANDLE_SCHEMA.empty_table(), *_read_batches(path, header, interval)]
        )
        if not _is_ascending(table["open_time"]):
            raise _InvalidFile
    except (_InvalidFile, pa.ArrowInvalid) as error:
        raise WrongUse(_find_first_error(path, header) or f"{path}: {error}") from None
    return table


def _read_header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        header = next(csv.reader(lines), [])
    if tuple(header[:6]) != _REQUIRED:
        raise WrongUse(f"{path}:1: the header must begin with {','.join(_REQUIRED)}")
    for name in header:
        if name not in CANDLE_COLUMNS or header.count(name) > 1:
            raise WrongUse(f"{path}:1: column {name!r} is unknown or doubled")
    return header


def _read_batches(path: Path, header: list[str], interval: KlineInterval) -> Iterator[pa.Table]:
    reader = arrow_csv.open_csv(
        path,
        arrow_csv.ReadOptions(
            use_threads=False, block_size=_BLOCK_BYTES, skip_rows=1, column_names=header
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
        ),
    )
    with reader:
        for batch in reader:
            yield _convert_batch(batch, interval)


def _convert_batch(batch: pa.RecordBatch, interval: KlineInterval) -> pa.Table:
    columns: dict[str, pa.Array] = {}
    for field in CANDLE_SCHEMA:
        if field.name in batch.schema.names:
            columns[field.name] = _convert_column(batch[field.name], field.type)
        elif field.name == "close_time":
            columns[field.name] = pa.array(interval.close_times(columns["open_time"].to_numpy()))
        else:
            columns[field.name] = pa.repeat(0, batch.num_rows).cast(field.type)
    return pa.table(columns, schema=CANDLE_SCHEMA)


def _convert_column(text: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_integer(kind):
        return text.cast(kind)
    try:
        return text.cast(kind)
    except pa.ArrowInvalid:
        return _normalize_decimals(text, kind).cast(kind)


def _normalize_decimals(text: pa.Array, kind: pa.DataType) -> pa.Array:
    """Text in which odd values (too many decimals, say) are rounded to eight places."""
    whole = kind.precision - kind.scale
    odd = pc.invert(pc.match_substring_regex(text, rf"^-?[0-9]{{1,{whole}}}(\.[0-9]{{1,8}})?$"))
    rounded = [_round_decimal(value, kind) for value in text.filter(odd).to_pylist()]
    return pc.replace_with_mask(text, odd, pa.array(rounded, pa.string()))


def _round_decimal(text: str, kind: pa.DataType) -> str:
    """Plain text with eight decimals, rounded exactly, half to even."""
    try:
        with localcontext(prec=kind.precision, rounding=ROUND_HALF_EVEN):
            return f"{Decimal(text).quantize(_EIGHTH):f}"
    except InvalidOperation:
        raise _InvalidFile from None


def _is_ascending(times: pa.ChunkedArray) -> bool:
    if not len(times):
        return True
    steps = pc.greater(times.slice(1), times.slice(0, len(times) - 1))
    inside = times[0].as_py() >= 0 and times[-1].as_py() < _LATEST_MS
    return inside and pc.all(steps).as_py() is not False


def _find_first_error(path: Path, header: list[str]) -> str | None:
    """`file:line: what is wrong` of the first flaw, found by a slow second reading."""
    before = -1
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        rows = csv.reader(lines)
        next(rows)
        for row in rows:
            flaw = _check_row(row, header, before) if row else None
            if flaw:
                return f"{path}:{rows.line_num}: {flaw}"
            before = int(row[0]) if row else before
    return None


def _check_row(row: list[str], header: list[str], before: int) -> str | None:
    if len(row) != len(header):
        return f"{len(row)} values under a header of {len(header)}"
    for name, value in zip(header, row, strict=True):
        if not _is_convertible(value, CANDLE_SCHEMA.field(name).type):
            return f"{name} {value!r} is no number that a candle can hold"
    if not before < int(row[0]) < _LATEST_MS:
        return f"open_time {row[0]}: times are epoch milliseconds and ascend row by row"
    return None


def _is_convertible(value: str, kind: pa.DataType) -> bool:
    try:
        _convert_column(pa.array([value]), kind)
    except (_InvalidFile, pa.ArrowInvalid):
        return False
    return True

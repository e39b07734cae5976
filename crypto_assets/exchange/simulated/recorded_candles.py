"""Recorded candles, read from the CSV files `{SYMBOL}-{interval}.csv` of a directory.

The header is `open_time,open,high,low,close,volume`, optionally followed by any of `close_time`,
`quote_volume`, `trade_count`, `taker_buy_volume` and `taker_buy_quote_volume`. Times are ascending
epoch ms. Decimals are text, plain or with an exponent, and are rounded to eight places. A missing
close time is the last millisecond of a full period; any other missing value is 0.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from crypto_assets.errors import WrongUse
from crypto_assets.exchange.recording import DIGEST_DIGITS, RecordedFile, Recording
from crypto_assets.exchange.simulated.candle_source import find_base_interval
from crypto_assets.exchange.simulated.decimals import DECIMAL_STEP, count_needed_digits
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.symbol_catalog import ListedSymbol, split_symbol
from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA
from crypto_assets.market.symbols import is_symbol
from crypto_assets.market.utc_time import Window, day_start_ms

_NAME = re.compile(r"(?P<symbol>.+)-(?P<interval>[0-9]+[A-Za-z])\.csv")
_REQUIRED = CANDLE_COLUMNS[:6]
_BLOCK_BYTES = 16 * 1024 * 1024
# A later time cannot be in milliseconds.
_LATEST_MS = day_start_ms(date(2200, 1, 1))


class RecordedCandles:
    """The candles of a directory's files.

    Every file is served completely, open times off the grid included. `PublishedCandles` builds
    intervals without a file from minutes. Raises WrongUse for a directory without such files, and
    for an invalid file with its name and line.
    """

    def __init__(self, directory: Path) -> None:
        self._tables = {
            (symbol, interval): _read_candle_file(path, interval).combine_chunks()
            for symbol, interval, path in _list_files(directory)
        }
        self.recording = Recording(
            {
                f"{symbol}-{interval}": RecordedFile(table.num_rows, _digest_table(table))
                for (symbol, interval), table in self._tables.items()
            }
        )
        self.origin = f"recorded={self.recording.digest}"
        names = sorted({symbol for symbol, _ in self._tables})
        self._listings = {symbol: self._describe_symbol(symbol) for symbol in names}
        self._open_times = {
            key: table["open_time"].combine_chunks().to_numpy(zero_copy_only=False)
            for key, table in self._tables.items()
        }

    @property
    def symbols(self) -> Mapping[str, ListedSymbol]:
        return self._listings

    def get_trading_window(self, symbol: str) -> Window:
        """Return the window from the earliest open time of any file to the end of trading.

        Trading ends with the last minute (or other base candle), or with the last candle of a
        coarser file that opens later.
        """
        files = [interval for interval in KlineInterval if self.has_interval(symbol, interval)]
        rows = [self._tables[symbol, one] for one in files if self._tables[symbol, one].num_rows]
        if not rows:
            return Window(0, 0)
        start = min(table["open_time"][0].as_py() for table in rows)
        base = self._tables[symbol, find_base_interval(self, symbol)]
        end: int = base["close_time"][-1].as_py() + 1 if base.num_rows else start
        for table in rows:
            if table["open_time"][-1].as_py() >= end:
                end = table["close_time"][-1].as_py() + 1
        return Window(start, end)

    def has_interval(self, symbol: str, interval: KlineInterval) -> bool:
        return (symbol, interval) in self._tables

    def get_open_window(self, symbol: str, interval: KlineInterval) -> Window:
        opens = self._open_times[symbol, interval]
        return Window(int(opens[0]), int(opens[-1]) + 1) if len(opens) else Window(0, 0)

    def select_candles(self, symbol: str, interval: KlineInterval, window: Window) -> pa.Table:
        """Return the file's candles that open in the window. Raises KeyError without the file."""
        opens = self._open_times[symbol, interval]
        first, last = np.searchsorted(opens, (window.start_ms, window.end_ms))
        return self._tables[symbol, interval].slice(first, max(last - first, 0))

    def digest_first_rows(self, name: str, rows: int) -> str:
        """Return the digest of a file's first candles. Raises KeyError without the file."""
        symbol, _, interval = name.rpartition("-")
        if interval not in set(KlineInterval):
            raise KeyError(name)
        return _digest_table(self._tables[symbol, KlineInterval(interval)].slice(0, rows))

    def _describe_symbol(self, symbol: str) -> ListedSymbol:
        tables = [table for (name, _), table in self._tables.items() if name == symbol]
        prices = ("open", "high", "low", "close")
        ticks = max(count_needed_digits(table[name]) for table in tables for name in prices)
        lots = max(count_needed_digits(table["volume"]) for table in tables)
        return ListedSymbol(symbol, *split_symbol(symbol), ticks, lots)


def _digest_table(table: pa.Table) -> str:
    """Return a digest of the values, which does not depend on the format of the file."""
    digest = sha256()
    for column in table.columns:
        for values in column.chunks:
            width, content = values.type.byte_width, memoryview(values.buffers()[1])
            digest.update(content[values.offset * width : (values.offset + len(values)) * width])
    return digest.hexdigest()[:DIGEST_DIGITS]


def _list_files(directory: Path) -> list[tuple[str, KlineInterval, Path]]:
    if not directory.is_dir():
        raise WrongUse(f"{directory} is not a directory of recorded candles")
    files = [(*_parse_file_name(path), path) for path in sorted(directory.glob("*.csv"))]
    if not files:
        raise WrongUse(f"{directory} contains no candles: name files {{SYMBOL}}-{{interval}}.csv")
    return files


def _parse_file_name(path: Path) -> tuple[str, KlineInterval]:
    match = _NAME.fullmatch(path.name)
    if not match or not is_symbol(match["symbol"]) or match["interval"] not in set(KlineInterval):
        raise WrongUse(
            f"{path}: name it {{SYMBOL}}-{{interval}}.csv, as in BTCUSDT-1m.csv, "
            f"with an interval of {' '.join(KlineInterval)}"
        )
    return match["symbol"], KlineInterval(match["interval"])


class _InvalidFile(Exception):
    """The file is invalid. A second read, line by line, finds the position."""


def _read_candle_file(path: Path, interval: KlineInterval) -> pa.Table:
    """Return candles of CANDLE_SCHEMA. Raises WrongUse with file and line of the first error."""
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
            raise WrongUse(f"{path}:1: column {name!r} is unknown or duplicate")
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
    """Return text with unusual values, such as too many decimals, rounded to eight places."""
    whole = kind.precision - kind.scale
    odd = pc.invert(pc.match_substring_regex(text, rf"^-?[0-9]{{1,{whole}}}(\.[0-9]{{1,8}})?$"))
    rounded = [_round_decimal(value, kind) for value in text.filter(odd).to_pylist()]
    return pc.replace_with_mask(text, odd, pa.array(rounded, pa.string()))


def _round_decimal(text: str, kind: pa.DataType) -> str:
    """Return plain text with eight decimals, rounded half to even."""
    try:
        with localcontext(prec=kind.precision, rounding=ROUND_HALF_EVEN):
            return f"{Decimal(text).quantize(DECIMAL_STEP):f}"
    except InvalidOperation:
        raise _InvalidFile from None


def _is_ascending(times: pa.ChunkedArray) -> bool:
    if not len(times):
        return True
    steps = pc.greater(times.slice(1), times.slice(0, len(times) - 1))
    inside = times[0].as_py() >= 0 and times[-1].as_py() < _LATEST_MS
    return inside and pc.all(steps).as_py() is not False


def _find_first_error(path: Path, header: list[str]) -> str | None:
    """Return `file:line: error` of the first error, found by a slow second read."""
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
        return f"{len(row)} values for {len(header)} columns"
    for name, value in zip(header, row, strict=True):
        if not _is_convertible(value, CANDLE_SCHEMA.field(name).type):
            return f"{name} {value!r} is not a valid number of a candle"
    if not before < int(row[0]) < _LATEST_MS:
        return f"open_time {row[0]}: times must be ascending epoch milliseconds"
    return None


def _is_convertible(value: str, kind: pa.DataType) -> bool:
    try:
        _convert_column(pa.array([value]), kind)
    except (_InvalidFile, pa.ArrowInvalid):
        return False
    return True

"""Recorded candles: a directory of CSV files `{SYMBOL}-{interval}.csv`, served as they stand."""

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from crypto_assets.errors import WrongUse
from crypto_assets.exchange.simulated.candle_file import read_candle_file
from crypto_assets.exchange.simulated.candle_source import find_base_interval
from crypto_assets.exchange.simulated.decimals import count_needed_digits
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.symbol_catalog import ListedSymbol, split_symbol
from crypto_assets.market.symbols import is_symbol
from crypto_assets.market.utc_time import Window

_NAME = re.compile(r"(?P<symbol>.+)-(?P<interval>[0-9]+[A-Za-z])\.csv")
# Hexadecimal digits of a SHA-256 that name candles.
_DIGITS = 16


class RecordedCandles:
    """The candles of a directory's files; what they do not hold does not exist.

    Every file is served from its first row to its last, odd open times included; an interval
    without a file is built from 1m elsewhere. `files` has the number of candles and their digest
    of each file (`BTCUSDT-1m`), and `origin` is a digest of these. Raises WrongUse for a directory
    without such files and for a file that cannot be read, naming file and line.
    """

    def __init__(self, directory: Path) -> None:
        self._tables = {
            (symbol, interval): read_candle_file(path, interval).combine_chunks()
            for symbol, interval, path in _list_files(directory)
        }
        self.files = {
            f"{symbol}-{interval}": {"rows": table.num_rows, "digest": _digest_table(table)}
            for (symbol, interval), table in self._tables.items()
        }
        said = orjson.dumps(self.files, option=orjson.OPT_SORT_KEYS)
        self.origin = f"recorded={sha256(said).hexdigest()[:_DIGITS]}"
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
        """From the earliest open time of any file to the end of trading.

        Trading ends with the last minute (or other base candle), or with the last candle of a
        coarser file that opens after that.
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
        """The file's candles that open in the window; KeyError where there is no such file."""
        opens = self._open_times[symbol, interval]
        first, last = np.searchsorted(opens, (window.start_ms, window.end_ms))
        return self._tables[symbol, interval].slice(first, max(last - first, 0))

    def digest_first_rows(self, name: str, rows: int) -> str:
        """The digest of a file's first candles. KeyError where it has no such file."""
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
    """Equal for equal candles, however the file writes them: of the values, column by column."""
    found = sha256()
    for column in table.columns:
        for values in column.chunks:
            width, content = values.type.byte_width, memoryview(values.buffers()[1])
            found.update(content[values.offset * width : (values.offset + len(values)) * width])
    return found.hexdigest()[:_DIGITS]


def _list_files(directory: Path) -> list[tuple[str, KlineInterval, Path]]:
    if not directory.is_dir():
        raise WrongUse(f"no directory of recorded candles at {directory}")
    found = [(*_parse_file_name(path), path) for path in sorted(directory.glob("*.csv"))]
    if not found:
        raise WrongUse(f"{directory} holds no candles: name files {{SYMBOL}}-{{interval}}.csv")
    return found


def _parse_file_name(path: Path) -> tuple[str, KlineInterval]:
    match = _NAME.fullmatch(path.name)
    if not match or not is_symbol(match["symbol"]) or match["interval"] not in set(KlineInterval):
        raise WrongUse(
            f"{path}: name it {{SYMBOL}}-{{interval}}.csv, as in BTCUSDT-1m.csv, "
            f"with an interval of {' '.join(KlineInterval)}"
        )
    return match["symbol"], KlineInterval(match["interval"])

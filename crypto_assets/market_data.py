"""The Python API: candles and indicators as tidy frames, from the warehouse of the settings."""

import operator
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import SecretStr

from crypto_assets.analytics.registry import find_providers
from crypto_assets.errors import WrongUse
from crypto_assets.market.instant_parsing import parse_instant
from crypto_assets.market.intervals import Interval
from crypto_assets.market.symbols import parse_symbol
from crypto_assets.market.utc_time import Window, now_ms
from crypto_assets.reports import CandleSeries, Reports
from crypto_assets.settings import Settings, get_settings
from crypto_assets.wiring import open_warehouse

# An instant as text (`2025-01-31`, `2025-01-31T12:00Z`), date, datetime or epoch ms, Python's or
# numpy's; UTC where nothing else is said.
Instant = str | int | date | np.integer | np.datetime64
_DEFAULT_LIMIT = 500
# The years 1 to 9999, which have names.
_VALID_RANGE = Window.of_days(date.min, date.max)


class MarketData:
    """What a warehouse holds, read only. Close it, or use it in a `with`.

    A stretch of time is `start` ≤ t < `end`; without `start` it is the newest 500 candles before
    `end`, or `limit` of them. Only candles that exist are given: a hole stays a hole. Methods raise
    WrongUse (UnknownSymbol and UnknownProvider are), saying what there is instead, and the
    WarehouseErrors.
    """

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def symbols(self) -> list[str]:
        """Tracked symbols, oldest registration first."""
        return [instrument.symbol for instrument in self._reports.list_instruments()]

    def indicators(self) -> dict[str, str]:
        """Names for `indicator`, and what each shows."""
        return {name: provider.summary for name, provider in find_providers().items()}

    def candles(
        self,
        symbol: str,
        interval: Interval | str = Interval.H1,
        start: Instant | None = None,
        end: Instant | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """The eleven columns as floats, `forming` and `partial`, under a UTC index named `time`.

        `forming` is True for a candle that reaches beyond the newest minute held: one whose last
        minutes never come (a delisting, a pipeline that stands still) keeps it. `partial` is True
        for a candle whose beginning is not stored: its open, high, low and sums are of the rest.
        """
        return self._load_series(symbol, interval, start, end, limit).frame

    def gaps(
        self,
        symbol: str,
        interval: Interval | str = Interval.H1,
        start: Instant | None = None,
        end: Instant | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """What is missing among these candles: `start`, `end` (exclusive) and `class`.

        The class is the gap ledger's word (outage, open, …), None for a hole that it does not have.
        """
        gaps = self._load_series(symbol, interval, start, end, limit).gaps
        columns = {
            "start": _utc_index(gap.window.start_ms for gap in gaps),
            "end": _utc_index(gap.window.end_ms for gap in gaps),
            "class": [gap.gap_class for gap in gaps],
        }
        return pd.DataFrame(columns)

    def arrow(
        self,
        symbol: str,
        interval: Interval | str = Interval.H1,
        start: Instant | None = None,
        end: Instant | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        """The same candles with exact decimals; times in epoch ms (CANDLE_SCHEMA, `partial`)."""
        return self._load_series(symbol, interval, start, end, limit).flagged_table

    def to_parquet(
        self,
        path: str | Path,
        symbol: str,
        interval: Interval | str = Interval.H1,
        start: Instant | None = None,
        end: Instant | None = None,
        limit: int | None = None,
    ) -> int:
        """Writes `arrow`'s table to a file; answers how many candles it holds."""
        table = self.arrow(symbol, interval, start, end, limit)
        pq.write_table(table, path)
        return int(table.num_rows)

    def indicator(
        self,
        name: str,
        symbol: str,
        interval: Interval | str = Interval.H1,
        start: Instant | None = None,
        end: Instant | None = None,
        limit: int | None = None,
        **params: object,
    ) -> Any:
        """A frame under the candles' index, settled from its first row; see docs/providers.md.

        One that is no series (`volume_profile`, `order_book`, …) answers with an object. None
        where there is no candle, save of `order_book`, the newest book whatever the range. A
        parameter named like a Python word takes an underscore: `with_`.
        """
        given = {key.removesuffix("_"): value for key, value in params.items()}
        window = _resolve_range(start, end, limit)
        answer = self._reports.get_indicator(
            name, parse_symbol(symbol), interval, *window, params=given
        )
        return None if answer is None else answer.value

    def close(self) -> None:
        """Gives the connections back; the next read opens new ones."""
        self._reports.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _load_series(
        self,
        symbol: str,
        interval: Interval | str,
        start: Instant | None,
        end: Instant | None,
        limit: int | None,
    ) -> CandleSeries:
        return self._reports.get_candles(
            parse_symbol(symbol), interval, *_resolve_range(start, end, limit)
        )


def open_market_data(warehouse_url: str | None = None) -> MarketData:
    """Raises WarehouseNotReady where the warehouse has no tables yet: `crypto-assets init`."""
    chosen = get_settings() if warehouse_url is None else _override_warehouse(warehouse_url)
    warehouse = open_warehouse(chosen)
    warehouse.require_ready()
    return MarketData(Reports(warehouse, default_ingest_minutes=chosen.ingest_interval_minutes))


def _override_warehouse(warehouse_url: str) -> Settings:
    url = SecretStr(warehouse_url)
    return get_settings().model_copy(update={"warehouse_url": url, "warehouse_read_url": url})


def _resolve_range(
    start: Instant | None, end: Instant | None, limit: int | None
) -> tuple[int | None, int | None, int | None]:
    """Start, end and limit as reports take them: from a start on, everything."""
    first = None if start is None else _require_instant(start)
    last = None if end is None else _require_instant(end)
    most = None if limit is None else _require_count(limit)
    if first is None:
        return None, last, _DEFAULT_LIMIT if most is None else most
    return first, now_ms() if last is None else last, most


def _require_instant(given: Instant) -> int:
    found = parse_instant(given)
    if found not in _VALID_RANGE:
        raise WrongUse(f"{given!r} lies outside of the years 1 to 9999: is it epoch milliseconds?")
    return found


def _require_count(limit: int) -> int:
    try:
        return operator.index(limit)
    except TypeError:
        raise WrongUse(f"limit must be a whole number, not {limit!r}") from None


def _utc_index(instants: Iterable[int]) -> pd.DatetimeIndex:
    return pd.to_datetime(list(instants), unit="ms", utc=True)

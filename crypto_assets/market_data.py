"""The Python API: candles and indicators as pandas frames, read from the warehouse."""

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
from crypto_assets.wiring import open_ready_reports

# An instant as text (`2025-01-31`, `2025-01-31T12:00Z`), date, datetime or epoch ms, of Python or
# numpy; UTC unless it has a time zone.
Instant = str | int | date | np.integer | np.datetime64
_DEFAULT_LIMIT = 500
# The years 1 to 9999, which Python dates can express.
_VALID_RANGE = Window.of_days(date.min, date.max)


class MarketData:
    """Read-only access to a warehouse. Close it, or use it in a `with` block.

    A range is `start` ≤ t < `end`. Without `start`, methods return the newest `limit` (default 500)
    candles before `end`. Only existing candles are returned; gaps are not filled. Methods raise
    WarehouseError and WrongUse, with its subclasses UnknownSymbol and UnknownProvider.
    """

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def symbols(self) -> list[str]:
        """List tracked symbols, oldest registration first."""
        return [instrument.symbol for instrument in self._reports.list_instruments()]

    def indicators(self) -> dict[str, str]:
        """Return the names for `indicator`, each with a summary."""
        return {name: provider.summary for name, provider in find_providers().items()}

    def candles(
        self,
        symbol: str,
        interval: Interval | str = Interval.H1,
        start: Instant | None = None,
        end: Instant | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Return the eleven columns as floats with `forming` and `partial`, by UTC `time`.

        `forming` is True for a candle that ends after the newest stored minute. It stays True if
        the missing minutes never arrive, as after a delisting or while the pipeline is stopped.
        `partial` is True for a candle whose beginning is not stored: its open, high, low and sums
        cover only the rest of its period.
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
        """Return the gaps between these candles: `start`, `end` (exclusive) and `class`.

        The class is that of the gap ledger (outage, open, …), None if the ledger has no entry.
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
        """Return the candles with exact decimals and epoch ms, with `forming` and `partial`."""
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
        """Write the table of `arrow` to a Parquet file; return the number of candles."""
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
        """Return an indicator as a frame with the index of the candles; see docs/providers.md.

        The first value is settled: it does not depend on `start`. Providers that are not series
        (`volume_profile`, `order_book`, …) return an object. The result is None without candles,
        except for `order_book`, which is the newest book for any range. Append an underscore to a
        parameter that is a Python keyword: `with_`.
        """
        result = self._reports.get_indicator(
            name,
            parse_symbol(symbol),
            interval,
            *_resolve_range(start, end, limit),
            params={key.removesuffix("_"): value for key, value in params.items()},
        )
        return None if result is None else result.value

    def close(self) -> None:
        """Close the connections; the next read opens new ones."""
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
    """Open the warehouse of a URL, or of the settings.

    Raises WarehouseNotReady if it has no tables yet; `crypto-assets init` creates them.
    """
    settings = get_settings() if warehouse_url is None else _override_warehouse(warehouse_url)
    return MarketData(open_ready_reports(settings))


def _override_warehouse(warehouse_url: str) -> Settings:
    url = SecretStr(warehouse_url)
    return get_settings().model_copy(update={"warehouse_url": url, "warehouse_read_url": url})


def _resolve_range(
    start: Instant | None, end: Instant | None, limit: int | None
) -> tuple[int | None, int | None, int | None]:
    """Return start, end and limit for reports; with a start, the default is no limit."""
    start_ms = None if start is None else _require_instant(start)
    end_ms = None if end is None else _require_instant(end)
    count = None if limit is None else _require_count(limit)
    if start_ms is None:
        return None, end_ms, _DEFAULT_LIMIT if count is None else count
    return start_ms, now_ms() if end_ms is None else end_ms, count


def _require_instant(value: Instant) -> int:
    instant = parse_instant(value)
    if instant not in _VALID_RANGE:
        raise WrongUse(f"{value!r} is outside of the years 1 to 9999: is it in epoch ms?")
    return instant


def _require_count(limit: int) -> int:
    try:
        return operator.index(limit)
    except TypeError:
        raise WrongUse(f"limit must be a whole number, not {limit!r}") from None


def _utc_index(instants: Iterable[int]) -> pd.DatetimeIndex:
    return pd.to_datetime(list(instants), unit="ms", utc=True)

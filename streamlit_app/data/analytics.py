"""The queries of the page Analytics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pandas as pd
import streamlit as st

from crypto_assets.analytics import Provider, registry
from crypto_assets.errors import UnknownSymbol, WrongUse
from crypto_assets.market.intervals import Interval
from crypto_assets.market.order_book import OrderBook
from crypto_assets.market.utc_time import Window
from crypto_assets.reports import (
    CandleChart,
    CandleGap,
    Instrument,
    ProviderResult,
    TickerStatistics,
)
from crypto_assets.warehouse.klines.revisions import Revision
from crypto_assets.warehouse.quality.gap_ledger import Gap
from streamlit_app.data.ranges import CandleSlice
from streamlit_app.data.shared import FRESH_SECONDS, get_reports

# A provider's name and its parameters, which can be a key of the cache.
EnabledProvider = tuple[str, tuple[tuple[str, object], ...]]
EnabledProviders = tuple[EnabledProvider, ...]

# Stored windows grow by one minute per minute, and only the ends of ranges depend on them.
_STORED_WINDOW_SECONDS = 10


@dataclass(frozen=True)
class ChartResult:
    """Candles with provider results, and the error of each failed provider.

    `read_id` identifies the query, so that figures drawn from it can be cached.
    """

    chart: CandleChart
    provider_errors: Mapping[EnabledProvider, str] = field(default_factory=dict)
    read_id: str = field(default_factory=lambda: uuid4().hex)

    def find_result(self, enabled: EnabledProvider) -> ProviderResult | None:
        """Return the result of a provider with these parameters, None if it has none."""
        found = (
            result
            for result in self.chart.results
            if (result.provider, freeze_params(result.params)) == enabled
        )
        return next(found, None)


def freeze_params(params: Mapping[str, object]) -> tuple[tuple[str, object], ...]:
    """Return parameters in a form that can be compared and hashed."""
    return tuple(
        (name, tuple(value) if isinstance(value, list) else value) for name, value in params.items()
    )


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def query_statistics_24h(symbol: str) -> TickerStatistics | None:
    """Return the statistics of the last 24 hours, None without candles."""
    return get_reports().get_statistics_24h(symbol)


@st.cache_data(ttl=_STORED_WINDOW_SECONDS, max_entries=1, show_spinner=False)
def query_stored_windows() -> dict[str, Window]:
    """Return the window from the first to the newest minute of each symbol with candles.

    Untracked symbols are included.
    """
    return get_reports().list_stored_windows()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_chartable_instruments() -> dict[str, Instrument]:
    """Return the tracked symbols, then the untracked ones of which candles are stored, by name."""
    stored = query_stored_windows()
    return {
        instrument.symbol: instrument
        for instrument in get_reports().list_all_instruments()
        if instrument.is_tracked or instrument.symbol in stored
    }


@st.cache_resource(show_spinner=False)
def get_providers() -> Mapping[str, Provider[Any]]:
    """Return all providers by name. New files are found after a restart."""
    return registry.find_providers()


# A shared resource, not a copy per viewer: the result is never changed.
@st.cache_resource(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def query_chart(symbol: str, candle_slice: CandleSlice, enabled: EnabledProviders) -> ChartResult:
    """Return candles with the results of the enabled providers, from a cache."""
    return read_chart(symbol, candle_slice, enabled)


def read_chart(symbol: str, candle_slice: CandleSlice, enabled: EnabledProviders) -> ChartResult:
    """Read candles with the results of the enabled providers.

    A provider that rejects its parameters is left out, with its error in the result.
    """
    try:
        return ChartResult(_read_chart(symbol, candle_slice, enabled))
    except (UnknownSymbol, WrongUse):
        return _query_valid_providers(symbol, candle_slice, enabled)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def query_closes(symbol: str, interval: Interval, window: Window) -> pd.Series:
    """Return closing prices by open time in epoch ms."""
    candles = get_reports().get_candles(
        symbol, interval, window.start_ms, window.end_ms, limit=None
    )
    return pd.Series(candles.frame["close"].to_numpy(), index=candles.frame["open_time"].to_numpy())


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def query_newest_candle(symbol: str, interval: Interval) -> tuple[int, float, float] | None:
    """Return open time (epoch ms), open, and close of the newest candle, None without candles."""
    frame = get_reports().get_candles(symbol, interval, limit=1).frame
    if frame.empty:
        return None
    last = frame.iloc[-1]
    return int(last["open_time"]), float(last["open"]), float(last["close"])


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def query_newest_order_book(symbol: str) -> OrderBook | None:
    """Return the newest stored order book of a symbol."""
    return get_reports().get_latest_order_book(symbol)


def query_ledger(symbol: str, window: Window, limit: int) -> tuple[list[Gap], list[Revision]]:
    """Return the gaps that touch a window, and the revisions in it: the newest of each first."""
    reports = get_reports()
    return (
        reports.list_gaps(symbol, window, newest=True, limit=limit),
        reports.list_revisions(symbol, limit, window),
    )


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def query_known_gaps(symbol: str) -> list[CandleGap]:
    """Return the gaps of a symbol in the ledger, oldest first."""
    return [
        CandleGap(gap.window, gap.gap_class) for gap in get_reports().list_gaps(symbol, limit=20)
    ]


def _read_chart(symbol: str, candle_slice: CandleSlice, enabled: EnabledProviders) -> CandleChart:
    """Read candles with the results of providers. Raises WrongUse for wrong parameters."""
    providers = [(name, dict(params)) for name, params in enabled]
    window = candle_slice.window or Window(0, 0)
    start, end = (window.start_ms, window.end_ms) if window else (None, None)
    return get_reports().get_chart(
        symbol, candle_slice.interval, providers, start, end, candle_slice.limit
    )


def _query_valid_providers(
    symbol: str, candle_slice: CandleSlice, enabled: EnabledProviders
) -> ChartResult:
    """Query each provider alone to find the failing ones. Raises the errors of the candles."""
    valid: list[EnabledProvider] = []
    errors: dict[EnabledProvider, str] = {}
    _read_chart(symbol, candle_slice, ())
    for provider in enabled:
        try:
            _read_chart(symbol, candle_slice, (provider,))
        except (UnknownSymbol, WrongUse) as error:
            errors[provider] = str(error)
        else:
            valid.append(provider)
    return ChartResult(_read_chart(symbol, candle_slice, tuple(valid)), errors)

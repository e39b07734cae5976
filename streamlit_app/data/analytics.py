"""What the page Analytics asks of the warehouse."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pandas as pd
import streamlit as st

from crypto_assets.analytics import Provider, registry
from crypto_assets.errors import UnknownSymbol, WrongUse
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import MINUTE_MS, Window
from crypto_assets.reports import CandleChart, CandleGap, TickerStatistics
from streamlit_app.data.ranges import CandleSlice
from streamlit_app.data.shared import FRESH_SECONDS, get_reports

EnabledProviders = tuple[tuple[str, tuple[tuple[str, object], ...]], ...]

# What is held changes by a minute a minute, and only ends of ranges depend on it.
_STORED_WINDOW_SECONDS = 10


@dataclass(frozen=True)
class ChartResult:
    """Candles, the answers of the providers that could answer, and why the others could not.

    Each reading has a name of its own, by which what is drawn of it is shared.
    """

    chart: CandleChart
    provider_errors: Mapping[str, str] = field(default_factory=dict)
    read_id: str = field(default_factory=lambda: uuid4().hex)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def query_statistics_24h(symbol: str) -> TickerStatistics | None:
    return get_reports().get_statistics_24h(symbol)


@st.cache_data(ttl=_STORED_WINDOW_SECONDS, max_entries=1, show_spinner=False)
def query_stored_windows() -> dict[str, Window]:
    """From the first to the end of the newest minute of each symbol that has candles."""
    return {
        one.symbol: Window(one.first_open_time, one.last_open_time + MINUTE_MS)
        for one in get_reports().get_status().symbols
        if one.first_open_time is not None and one.last_open_time is not None
    }


@st.cache_resource(show_spinner=False)
def get_providers() -> Mapping[str, Provider[Any]]:
    """All of them by name; a file that is added later is found when the app starts anew."""
    return registry.find_providers()


# One for all viewers, and no copy of its own for each: nobody changes what has been read.
@st.cache_resource(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def query_chart(symbol: str, extract: CandleSlice, switches: EnabledProviders) -> ChartResult:
    """Candles and the providers switched on, each with its parameters.

    A provider whose parameters do not go together is left out and named; the rest is drawn.
    """
    try:
        return ChartResult(_query_chart(symbol, extract, switches))
    except (UnknownSymbol, WrongUse):
        return _query_without_faulty(symbol, extract, switches)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def query_closes(symbol: str, interval: Interval, window: Window) -> pd.Series:
    """Closing prices by open time in epoch ms."""
    found = get_reports().get_candles(symbol, interval, window.start_ms, window.end_ms, limit=None)
    return pd.Series(found.frame["close"].to_numpy(), index=found.frame["open_time"].to_numpy())


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def query_known_gaps(symbol: str) -> list[CandleGap]:
    """What the ledger knows of a symbol, oldest first."""
    return [
        CandleGap(one.window, one.gap_class) for one in get_reports().list_gaps(symbol, limit=20)
    ]


def _query_chart(symbol: str, extract: CandleSlice, switches: EnabledProviders) -> CandleChart:
    wanted = [(name, dict(params)) for name, params in switches]
    window = extract.window or Window(0, 0)
    start, end = (window.start_ms, window.end_ms) if window else (None, None)
    return get_reports().get_chart(symbol, extract.interval, wanted, start, end, extract.limit)


def _query_without_faulty(
    symbol: str, extract: CandleSlice, switches: EnabledProviders
) -> ChartResult:
    """Each provider by itself, to find those that refuse. Raises what the candles alone raise."""
    sound, faults = [], {}
    _query_chart(symbol, extract, ())
    for one in switches:
        try:
            _query_chart(symbol, extract, (one,))
        except (UnknownSymbol, WrongUse) as error:
            faults[one[0]] = str(error)
        else:
            sound.append(one)
    return ChartResult(_query_chart(symbol, extract, tuple(sound)), faults)

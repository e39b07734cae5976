"""The chart of one symbol as its page shows it: the day, candles, and what is missing."""

import math
from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from crypto_assets.analytics import Panel
from crypto_assets.market.utc_time import Window
from crypto_assets.reports import CandleChart, ProviderResult
from streamlit_app.analytics import day_summary, downloads, footnotes, view_range
from streamlit_app.analytics.comparison import build_relative_chart
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.components import notices
from streamlit_app.components.live_chart import (
    PictureRequest,
    get_cached_figure,
    render_live_chart,
)
from streamlit_app.data import analytics
from streamlit_app.data.analytics import ChartResult
from streamlit_app.figures import number_formats
from streamlit_app.figures.candles import OHLC, ChartFrame, draw_candle_chart
from streamlit_app.figures.gap_shading import label_gap
from streamlit_app.figures.indicator import Indicator
from streamlit_app.format.decimal_places import DecimalPlaces

_KEY = "candles"
_MAX_ACRONYM_LETTERS = 4  # letters: sma, ema, vwap
_VOLUME = "volume"


def render_candle_chart(chosen: ChartSelection) -> None:
    about, scope = chosen.instrument, chosen.scope
    if not chosen.stored_window:
        if analytics.query_stored_windows().get(about.symbol):
            st.rerun()  # the first candles have come
        notices.render_no_candles(about.symbol)
        footnotes.render_known_gaps(about.symbol)
        return
    head = st.container(horizontal=True, vertical_alignment="center", gap="small")
    if (day := analytics.query_statistics_24h(about.symbol)) is not None:
        with head:
            day_summary.render_day_summary(day, about)
    seen = view_range.get_zoom_window(scope)
    extract = chosen.build_candle_slice(seen)
    charted = analytics.query_chart(about.symbol, extract, chosen.indicators)
    for name, fault in charted.provider_errors.items():
        st.warning(
            f"**{analytics.get_providers()[name].title}** is not drawn. {notices.format_sentence(fault)}"
        )
    if not charted.chart.candles.table.num_rows and seen is None:
        footnotes.render_empty_range(chosen)
        return
    with head:
        picture = downloads.render_download_menu(chosen, charted.chart)
    _render_chart(chosen, charted, seen, picture)
    footnotes.render_footnotes(chosen, charted.chart.candles)


def _render_chart(
    chosen: ChartSelection, charted: ChartResult, seen: Window | None, picture: PictureRequest
) -> None:
    shown = charted.chart
    names = ", ".join(name for name, _ in chosen.indicators) or "no indicator"
    # In sight is what changes are counted from; else a move in time is the browser's alone.
    sight = seen if chosen.compared_symbols else None
    render_live_chart(
        get_cached_figure(
            (charted.read_id, chosen.compared_symbols, sight),
            lambda: _draw_figure(chosen, shown, sight),
        ),
        _KEY,
        f"{chosen.instrument.symbol} candles of {shown.candles.interval} with {names}",
        scope=chosen.scope,
        view=seen,
        on_view=lambda: view_range.handle_zoom_report(
            chosen.scope, st.session_state[_KEY].get("view")
        ),
        picture=picture,
    )


def _draw_figure(chosen: ChartSelection, shown: CandleChart, sight: Window | None) -> go.Figure:
    series, about = shown.candles, chosen.instrument
    candles = series.frame
    decimals = DecimalPlaces.for_printed_values(candles[OHLC], about.digits)
    frame = ChartFrame(about.symbol, series.interval, decimals)
    overlays = _build_indicators(shown, Panel.PRICE, decimals)
    if chosen.compared_symbols and len(candles):
        candles, frame, overlays = build_relative_chart(
            candles, frame, overlays, _query_compared_closes(chosen, shown), sight
        )
    return draw_candle_chart(
        candles,
        frame,
        overlays,
        panes=_build_indicators(shown, Panel.BELOW, decimals),
        holes=[label_gap(gap) for gap in series.gaps],
        volume=any(name == _VOLUME for name, _ in chosen.indicators),
    )


def _query_compared_closes(chosen: ChartSelection, shown: CandleChart) -> Mapping[str, pd.Series]:
    series = shown.candles
    return {
        symbol: analytics.query_closes(symbol, series.interval, series.window)
        for symbol in chosen.compared_symbols
    }


def _build_indicators(shown: CandleChart, panel: Panel, decimals: DecimalPlaces) -> list[Indicator]:
    """The answers that belong to a panel; volume has its own way of being drawn."""
    drawn = []
    for answer in shown.results:
        provider = analytics.get_providers()[answer.provider]
        if provider.panel is panel and provider.name != _VOLUME:
            unit = next(iter(provider.columns.values()))
            drawn.append(
                Indicator(
                    _format_indicator_name(answer),
                    answer.value,
                    number_formats.get_unit_format(unit, decimals, _find_largest_value(answer)),
                    provider.bars,
                    provider.levels,
                )
            )
    return drawn


def _find_largest_value(answer: ProviderResult) -> float:
    """The largest value without its sign, 0 where nothing has one."""
    most = float(answer.value.abs().max(axis=None, numeric_only=True))
    return 0.0 if math.isnan(most) else most


def _format_indicator_name(answer: ProviderResult) -> str:
    """`SMA 20`, `Bollinger 20 2`: the provider and its parameters, as a legend has room for."""
    name = answer.provider.replace("_", " ")
    shown = name.upper() if len(name) <= _MAX_ACRONYM_LETTERS else name.capitalize()
    return " ".join([shown, *(_format_parameter(value) for value in answer.params.values())])


def _format_parameter(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

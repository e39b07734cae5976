"""The chart of one symbol as its page shows it: the day, candles, and what is missing."""

import math
from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from crypto_assets.analytics import Panel
from crypto_assets.market.utc_time import Window
from crypto_assets.reports import Answer, Chart
from streamlit_app.analytics import day_summary, downloads, footnotes, view_range
from streamlit_app.analytics.comparison import relative_chart
from streamlit_app.analytics.selection import Selection
from streamlit_app.components import notices
from streamlit_app.components.figure_cache import drawn
from streamlit_app.components.live_chart import Picture, live_chart
from streamlit_app.data import analytics
from streamlit_app.data.analytics import Charted
from streamlit_app.figures import number_formats
from streamlit_app.figures.candles import OHLC, ChartFrame, candle_chart
from streamlit_app.figures.gap_shading import hole
from streamlit_app.figures.indicator import Indicator
from streamlit_app.format.decimal_places import Decimals

_KEY = "candles"
_ACRONYM = 4  # letters: sma, ema, vwap
_VOLUME = "volume"


def show(chosen: Selection) -> None:
    about, scope = chosen.about, chosen.scope
    if not chosen.held:
        if analytics.held().get(about.symbol):
            st.rerun()  # the first candles have come
        notices.no_candles(about.symbol)
        footnotes.ledger(about.symbol)
        return
    head = st.container(horizontal=True, vertical_alignment="center", gap="small")
    if (day := analytics.statistics_24h(about.symbol)) is not None:
        with head:
            day_summary.show(day, about)
    seen = view_range.seen(scope)
    extract = chosen.extract(seen)
    charted = analytics.chart(about.symbol, extract, chosen.indicators)
    for name, fault in charted.faults.items():
        st.warning(
            f"**{analytics.providers()[name].title}** is not drawn. {notices.sentence(fault)}"
        )
    if not charted.chart.candles.table.num_rows and seen is None:
        footnotes.nothing_here(chosen)
        return
    with head:
        picture = downloads.offer(chosen, charted.chart)
    _draw(chosen, charted, seen, picture)
    footnotes.show(chosen, charted.chart.candles)


def _draw(chosen: Selection, charted: Charted, seen: Window | None, picture: Picture) -> None:
    shown = charted.chart
    names = ", ".join(name for name, _ in chosen.indicators) or "no indicator"
    # In sight is what changes are counted from; else a move in time is the browser's alone.
    sight = seen if chosen.compared else None
    live_chart(
        drawn(
            (charted.reading, chosen.compared, sight),
            lambda: _figure(chosen, shown, sight),
        ),
        _KEY,
        f"{chosen.about.symbol} candles of {shown.candles.interval} with {names}",
        scope=chosen.scope,
        view=seen,
        on_view=lambda: view_range.reported(chosen.scope, st.session_state[_KEY].get("view")),
        picture=picture,
    )


def _figure(chosen: Selection, shown: Chart, sight: Window | None) -> go.Figure:
    series, about = shown.candles, chosen.about
    candles = series.frame
    decimals = Decimals.of_printed(candles[OHLC], about.digits)
    frame = ChartFrame(about.symbol, series.interval, decimals)
    overlays = _indicators(shown, Panel.PRICE, decimals)
    if chosen.compared and len(candles):
        candles, frame, overlays = relative_chart(
            candles, frame, overlays, _others(chosen, shown), sight
        )
    return candle_chart(
        candles,
        frame,
        overlays,
        panes=_indicators(shown, Panel.BELOW, decimals),
        holes=[hole(gap) for gap in series.gaps],
        volume=any(name == _VOLUME for name, _ in chosen.indicators),
    )


def _others(chosen: Selection, shown: Chart) -> Mapping[str, pd.Series]:
    series = shown.candles
    return {
        symbol: analytics.closes(symbol, series.interval, series.window)
        for symbol in chosen.compared
    }


def _indicators(shown: Chart, panel: Panel, decimals: Decimals) -> list[Indicator]:
    """The answers that belong to a panel; volume has its own way of being drawn."""
    drawn = []
    for answer in shown.answers:
        provider = analytics.providers()[answer.provider]
        if provider.panel is panel and provider.name != _VOLUME:
            unit = next(iter(provider.columns.values()))
            drawn.append(
                Indicator(
                    _name(answer),
                    answer.value,
                    number_formats.writing(unit, decimals, _most(answer)),
                    provider.bars,
                    provider.levels,
                )
            )
    return drawn


def _most(answer: Answer) -> float:
    """The largest value without its sign, 0 where nothing has one."""
    most = float(answer.value.abs().max(axis=None, numeric_only=True))
    return 0.0 if math.isnan(most) else most


def _name(answer: Answer) -> str:
    """`SMA 20`, `Bollinger 20 2`: the provider and its parameters, as a legend has room for."""
    name = answer.provider.replace("_", " ")
    shown = name.upper() if len(name) <= _ACRONYM else name.capitalize()
    return " ".join([shown, *(_parameter(value) for value in answer.params.values())])


def _parameter(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

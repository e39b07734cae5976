"""Charts beside the candles, a card each: by the kind of a provider's answer, whoever gave it."""

import dataclasses
import math
from collections.abc import Callable
from functools import singledispatch

import plotly.graph_objects as go
import streamlit as st

from crypto_assets.analytics.distribution import Distribution
from crypto_assets.analytics.providers.correlation_matrix import CorrelationMatrix
from crypto_assets.analytics.providers.order_book import OrderBookDepth
from crypto_assets.analytics.providers.volume_profile import VolumeProfile
from crypto_assets.market.utc_time import from_epoch_ms
from crypto_assets.reports import CandleSeries, Instrument, ProviderResult
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.components import notices
from streamlit_app.components.live_chart import get_cached_figure, render_live_chart
from streamlit_app.data import analytics
from streamlit_app.figures.depth import draw_depth_chart
from streamlit_app.figures.histogram import draw_histogram
from streamlit_app.figures.matrix import draw_correlation_matrix
from streamlit_app.figures.profile import draw_volume_profile
from streamlit_app.format import humanize
from streamlit_app.format.decimal_places import DecimalPlaces

_DASH = "\N{EM DASH}"


@dataclasses.dataclass(frozen=True)
class ChartCard:
    """Whose chart it is, a key that no other has, and the reading whose numbers it shows."""

    instrument: Instrument
    key: str
    title: str
    read_id: str

    def render_figure(self, make: Callable[[], go.Figure]) -> None:
        render_live_chart(get_cached_figure((self.read_id, self.key), make), self.key, self.title)


def render_chart_cards(chosen: ChartSelection) -> None:
    if not chosen.stored_window or not chosen.charts:
        return
    charted = analytics.query_chart(
        chosen.instrument.symbol, chosen.build_candle_slice(None), chosen.charts
    )
    for name, fault in charted.provider_errors.items():
        st.warning(
            f"**{analytics.get_providers()[name].title}** is not drawn. {notices.format_sentence(fault)}"
        )
    if not charted.chart.results:
        return
    with st.grid(2, min_column_width=330):
        for answer in charted.chart.results:
            _render_card(answer, chosen.instrument, charted.read_id)
    if charted.chart.candles.table.num_rows:
        st.caption(_describe_range(charted.chart.candles))


def _render_card(answer: ProviderResult, about: Instrument, reading: str) -> None:
    provider = analytics.get_providers()[answer.provider]
    with st.container(border=True, height="stretch", gap="small"):
        st.markdown(f"**{provider.title}**", help=provider.summary)
        card = ChartCard(about, f"card_{provider.name}", provider.title, reading)
        render_answer(answer.value, card, provider.name)


@singledispatch
def render_answer(value: object, card: ChartCard, name: str) -> None:
    """An answer of a kind that has no picture of its own: its figures."""
    fields = dataclasses.asdict(value) if dataclasses.is_dataclass(value) else {}  # type: ignore[arg-type]
    plain = {key: one for key, one in fields.items() if isinstance(one, int | float | str)}
    st.table({key.replace("_", " "): str(one) for key, one in plain.items()})


@render_answer.register
def _render_order_book(value: OrderBookDepth, card: ChartCard, name: str) -> None:
    about = card.instrument
    if value.captured_at is None:
        st.caption("No order book of this symbol yet: the schedule `order_books` captures one.")
        return
    prices = [level.price for level in [*value.bids, *value.asks]]
    decimals = DecimalPlaces.for_printed_values(prices, about.digits)
    _render_figures(
        {
            "Best bid": _format_price(value.best_bid, decimals),
            "Best ask": _format_price(value.best_ask, decimals),
            "Mid": _format_price(value.mid, decimals.midpoint_places),
            "Spread": f"{_format_price(value.spread, decimals)} ({value.spread_bps or 0:.2f} bps)",
            "Imbalance": _DASH if value.imbalance is None else f"{value.imbalance:+.2f}",
        }
    )
    card.render_figure(lambda: draw_depth_chart(value, decimals, about.base))
    st.caption(f"Captured {from_epoch_ms(value.captured_at):%d %b %Y %H:%M:%S} UTC.")


@render_answer.register
def _render_volume_profile(value: VolumeProfile, card: ChartCard, name: str) -> None:
    about = card.instrument
    ends = [value.bars[0].low, value.bars[-1].high] if value.bars else []
    decimals = DecimalPlaces.for_printed_values(ends, about.digits)
    _render_figures(
        {
            "Point of control": _format_price(value.point_of_control, decimals),
            "Value area": f"{_format_price(value.value_area_low, decimals)} to "
            f"{_format_price(value.value_area_high, decimals)}",
            "Volume": f"{humanize.format_compact(value.volume)} {about.base}",
        }
    )
    card.render_figure(lambda: draw_volume_profile(value, decimals, about.base))


@render_answer.register
def _render_correlation_matrix(value: CorrelationMatrix, card: ChartCard, name: str) -> None:
    if len(value.symbols) < 2:
        st.caption("One symbol has nobody to be compared with: track another one.")
        return
    card.render_figure(lambda: draw_correlation_matrix(value))


@render_answer.register
def _render_distribution(value: Distribution, card: ChartCard, name: str) -> None:
    if not value.count:
        st.caption("Too few candles for a distribution.")
        return
    ratio = name.startswith("return")
    decimals = DecimalPlaces.for_printed_values(
        [value.minimum, value.maximum], card.instrument.digits
    )
    ticks = ".2~%" if ratio else decimals.tick_format

    def written(number: float) -> str:
        return f"{number:+.3%}" if ratio else _format_price(number, decimals)

    _render_figures(
        {
            "Mean": written(value.mean),
            "Std": f"{value.std:.3%}"
            if ratio
            else decimals.for_computed_values(value.std).format_value(value.std),
            "Skew": _format_number(value.skew),
            "Kurtosis": _format_number(value.kurtosis),
            "Median": written(value.quantiles["0.5"]),
            "5 % to 95 %": f"{written(value.quantiles['0.05'])} to "
            f"{written(value.quantiles['0.95'])}",
            "Least": written(value.minimum),
            "Most": written(value.maximum),
        }
    )
    card.render_figure(lambda: draw_histogram(value, ticks))


def _render_figures(shown: dict[str, str]) -> None:
    """A line of figures, each after its name."""
    texts = [f":small[{name}] **{figure}**" for name, figure in shown.items()]
    st.markdown(" \N{MIDDLE DOT} ".join(texts))


def _format_price(value: float | None, decimals: DecimalPlaces) -> str:
    return _DASH if value is None or math.isnan(value) else decimals.format_value(value)


def _format_number(value: float) -> str:
    return _DASH if math.isnan(value) else f"{value:+.2f}"


def _describe_range(series: CandleSeries) -> str:
    first, last = (from_epoch_ms(ms) for ms in (series.window.start_ms, series.window.end_ms))
    return (
        f"The charts beside count the whole range, {first:%d %b %Y %H:%M} to "
        f"{last:%d %b %Y %H:%M} UTC, by its {series.interval} candles."
    )

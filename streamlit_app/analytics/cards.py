"""The cards under the candle chart, one per provider, drawn by the type of its result."""

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
from crypto_assets.reports import CandleSeries, Instrument, ProviderResult
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.components import notices
from streamlit_app.components.live_chart import get_cached_figure, render_live_chart
from streamlit_app.data import analytics
from streamlit_app.figures.correlation_matrix import draw_correlation_matrix
from streamlit_app.figures.depth_chart import draw_depth_chart
from streamlit_app.figures.histogram import draw_histogram
from streamlit_app.figures.volume_profile import draw_volume_profile
from streamlit_app.format import humanize
from streamlit_app.format.decimal_places import DecimalPlaces
from streamlit_app.format.viewer_zone import ViewerZone

_DASH = "\N{EM DASH}"


@dataclasses.dataclass(frozen=True)
class ChartCard:
    """The instrument, unique key, title, and query of a card, and the zone of its times."""

    instrument: Instrument
    key: str
    title: str
    read_id: str
    zone: ViewerZone

    def render_figure(self, draw: Callable[[], go.Figure]) -> None:
        render_live_chart(get_cached_figure((self.read_id, self.key), draw), self.key, self.title)


def render_chart_cards(selection: ChartSelection) -> None:
    """Draw the cards of the enabled providers."""
    if not selection.stored_window or not selection.charts:
        return
    result = analytics.query_chart(
        selection.instrument.symbol, selection.build_statistics_slice(), selection.enabled_charts
    )
    notices.render_provider_errors(result)
    if not result.chart.results:
        return
    with st.grid(2, min_column_width=330):
        for provider_result in result.chart.results:
            _render_card(provider_result, selection, result.read_id)
    if result.chart.candles.table.num_rows:
        st.caption(_describe_range(result.chart.candles, selection.viewer_zone))


def _render_card(result: ProviderResult, selection: ChartSelection, read_id: str) -> None:
    provider = analytics.get_providers()[result.provider]
    with st.container(border=True, height="stretch", gap="small"):
        st.markdown(f"**{provider.title}**", help=provider.summary)
        card = ChartCard(
            selection.instrument,
            f"card_{provider.name}",
            provider.title,
            read_id,
            selection.viewer_zone,
        )
        render_result(result.value, card, provider.name)


@singledispatch
def render_result(value: object, card: ChartCard, name: str) -> None:
    """Draw a result of a type without a chart as a table of its fields."""
    fields = dataclasses.asdict(value) if dataclasses.is_dataclass(value) else {}  # type: ignore[arg-type]
    scalars = {key: field for key, field in fields.items() if isinstance(field, int | float | str)}
    st.table({key.replace("_", " "): str(field) for key, field in scalars.items()})


@render_result.register
def _render_order_book(value: OrderBookDepth, card: ChartCard, name: str) -> None:
    instrument = card.instrument
    if value.captured_at is None:
        st.caption("No order book of this symbol yet. The schedule `order_books` captures them.")
        return
    prices = [level.price for level in [*value.bids, *value.asks]]
    decimals = DecimalPlaces.for_printed_values(prices, instrument.digits)
    _render_values(
        {
            "Best bid": _format_price(value.best_bid, decimals),
            "Best ask": _format_price(value.best_ask, decimals),
            "Mid": _format_price(value.mid, decimals.midpoint_places),
            "Spread": f"{_format_price(value.spread, decimals)} ({value.spread_bps or 0:.2f} bps)",
            "Imbalance": _DASH if value.imbalance is None else f"{value.imbalance:+.2f}",
        }
    )
    card.render_figure(lambda: draw_depth_chart(value, decimals, instrument.base))
    captured = card.zone.convert(value.captured_at)
    st.caption(f"Captured {captured:%d %b %Y %H:%M:%S} {card.zone.label}.")


@render_result.register
def _render_volume_profile(value: VolumeProfile, card: ChartCard, name: str) -> None:
    instrument = card.instrument
    ends = [value.bars[0].low, value.bars[-1].high] if value.bars else []
    decimals = DecimalPlaces.for_printed_values(ends, instrument.digits)
    _render_values(
        {
            "Point of control": _format_price(value.point_of_control, decimals),
            "Value area": f"{_format_price(value.value_area_low, decimals)} to "
            f"{_format_price(value.value_area_high, decimals)}",
            "Volume": f"{humanize.format_compact(value.volume)} {instrument.base}",
        }
    )
    card.render_figure(lambda: draw_volume_profile(value, decimals, instrument.base))


@render_result.register
def _render_correlation_matrix(value: CorrelationMatrix, card: ChartCard, name: str) -> None:
    if len(value.symbols) < 2:
        st.caption("Track at least two symbols to compare them.")
        return
    card.render_figure(lambda: draw_correlation_matrix(value))


@render_result.register
def _render_distribution(value: Distribution, card: ChartCard, name: str) -> None:
    if not value.count:
        st.caption("Not enough candles for a distribution.")
        return
    is_ratio = name.startswith("return")
    decimals = DecimalPlaces.for_printed_values(
        [value.minimum, value.maximum], card.instrument.digits
    )
    tick_format = ".2~%" if is_ratio else decimals.tick_format

    def format_value(number: float) -> str:
        return f"{number:+.3%}" if is_ratio else _format_price(number, decimals)

    _render_values(
        {
            "Mean": format_value(value.mean),
            "Std": f"{value.std:.3%}"
            if is_ratio
            else decimals.for_computed_values(value.std).format_value(value.std),
            "Skew": _format_number(value.skew),
            "Kurtosis": _format_number(value.kurtosis),
            "Median": format_value(value.quantiles["0.5"]),
            "5% to 95%": f"{format_value(value.quantiles['0.05'])} to "
            f"{format_value(value.quantiles['0.95'])}",
            "Min": format_value(value.minimum),
            "Max": format_value(value.maximum),
        }
    )
    card.render_figure(lambda: draw_histogram(value, tick_format))
    if value.left_out:
        returns = "1 return" if value.left_out == 1 else f"{value.left_out:,} returns"
        st.caption(f"{value.count:,} returns; {returns} across a gap left out.")


def _render_values(values: dict[str, str]) -> None:
    """Draw a line of named values."""
    texts = [
        f":small[{name}] **{notices.escape_markdown(value)}**" for name, value in values.items()
    ]
    st.markdown(" \N{MIDDLE DOT} ".join(texts))


def _format_price(value: float | None, decimals: DecimalPlaces) -> str:
    return _DASH if value is None or math.isnan(value) else decimals.format_value(value)


def _format_number(value: float) -> str:
    return _DASH if math.isnan(value) else f"{value:+.2f}"


def _describe_range(series: CandleSeries, zone: ViewerZone) -> str:
    """`Statistics cover 22 Nov 2026 00:00 to 29 Nov 2026 00:00 UTC (1h candles).`"""
    first, last = (zone.convert(ms) for ms in (series.window.start_ms, series.window.end_ms))
    return (
        f"Statistics cover {first:%d %b %Y %H:%M} to {last:%d %b %Y %H:%M} {zone.label} "
        f"({series.interval} candles)."
    )

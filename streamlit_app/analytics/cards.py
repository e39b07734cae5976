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
from crypto_assets.reports import Answer, CandleSeries, Instrument
from streamlit_app.analytics.selection import Selection
from streamlit_app.components import notices
from streamlit_app.components.figure_cache import drawn
from streamlit_app.components.live_chart import live_chart
from streamlit_app.data import analytics
from streamlit_app.figures.depth import depth_chart
from streamlit_app.figures.histogram import histogram
from streamlit_app.figures.matrix import matrix_chart
from streamlit_app.figures.profile import profile_chart
from streamlit_app.format import humanize
from streamlit_app.format.decimal_places import Decimals

_DASH = "\N{EM DASH}"


@dataclasses.dataclass(frozen=True)
class Card:
    """Whose chart it is, a key that no other has, and the reading whose numbers it shows."""

    about: Instrument
    key: str
    title: str
    reading: str

    def show(self, make: Callable[[], go.Figure]) -> None:
        live_chart(drawn((self.reading, self.key), make), self.key, self.title)


def show(chosen: Selection) -> None:
    if not chosen.held or not chosen.charts:
        return
    charted = analytics.chart(chosen.about.symbol, chosen.extract(None), chosen.charts)
    for name, fault in charted.faults.items():
        st.warning(
            f"**{analytics.providers()[name].title}** is not drawn. {notices.sentence(fault)}"
        )
    if not charted.chart.answers:
        return
    with st.grid(2, min_column_width=330):
        for answer in charted.chart.answers:
            _card(answer, chosen.about, charted.reading)
    if charted.chart.candles.table.num_rows:
        st.caption(_counted(charted.chart.candles))


def _card(answer: Answer, about: Instrument, reading: str) -> None:
    provider = analytics.providers()[answer.provider]
    with st.container(border=True, height="stretch", gap="small"):
        st.markdown(f"**{provider.title}**", help=provider.summary)
        card = Card(about, f"card_{provider.name}", provider.title, reading)
        draw(answer.value, card, provider.name)


@singledispatch
def draw(value: object, card: Card, name: str) -> None:
    """An answer of a kind that has no picture of its own: its figures."""
    fields = dataclasses.asdict(value) if dataclasses.is_dataclass(value) else {}  # type: ignore[arg-type]
    plain = {key: one for key, one in fields.items() if isinstance(one, int | float | str)}
    st.table({key.replace("_", " "): str(one) for key, one in plain.items()})


@draw.register
def _book(value: OrderBookDepth, card: Card, name: str) -> None:
    about = card.about
    if value.captured_at is None:
        st.caption("No order book of this symbol yet: the schedule `order_books` captures one.")
        return
    prices = [level.price for level in [*value.bids, *value.asks]]
    decimals = Decimals.of_printed(prices, about.digits)
    _figures(
        {
            "Best bid": _price(value.best_bid, decimals),
            "Best ask": _price(value.best_ask, decimals),
            "Mid": _price(value.mid, decimals.of_middle),
            "Spread": f"{_price(value.spread, decimals)} ({value.spread_bps or 0:.2f} bps)",
            "Imbalance": _DASH if value.imbalance is None else f"{value.imbalance:+.2f}",
        }
    )
    card.show(lambda: depth_chart(value, decimals, about.base))
    st.caption(f"Captured {from_epoch_ms(value.captured_at):%d %b %Y %H:%M:%S} UTC.")


@draw.register
def _profile(value: VolumeProfile, card: Card, name: str) -> None:
    about = card.about
    ends = [value.bars[0].low, value.bars[-1].high] if value.bars else []
    decimals = Decimals.of_printed(ends, about.digits)
    _figures(
        {
            "Point of control": _price(value.point_of_control, decimals),
            "Value area": f"{_price(value.value_area_low, decimals)} to "
            f"{_price(value.value_area_high, decimals)}",
            "Volume": f"{humanize.compact(value.volume)} {about.base}",
        }
    )
    card.show(lambda: profile_chart(value, decimals, about.base))


@draw.register
def _matrix(value: CorrelationMatrix, card: Card, name: str) -> None:
    if len(value.symbols) < 2:
        st.caption("One symbol has nobody to be compared with: track another one.")
        return
    card.show(lambda: matrix_chart(value))


@draw.register
def _distribution(value: Distribution, card: Card, name: str) -> None:
    if not value.count:
        st.caption("Too few candles for a distribution.")
        return
    ratio = name.startswith("return")
    decimals = Decimals.of_printed([value.minimum, value.maximum], card.about.digits)
    ticks = ".2~%" if ratio else decimals.ticks

    def written(number: float) -> str:
        return f"{number:+.3%}" if ratio else _price(number, decimals)

    _figures(
        {
            "Mean": written(value.mean),
            "Std": f"{value.std:.3%}" if ratio else decimals.of_computed(value.std).text(value.std),
            "Skew": _number(value.skew),
            "Kurtosis": _number(value.kurtosis),
            "Median": written(value.quantiles["0.5"]),
            "5 % to 95 %": f"{written(value.quantiles['0.05'])} to "
            f"{written(value.quantiles['0.95'])}",
            "Least": written(value.minimum),
            "Most": written(value.maximum),
        }
    )
    card.show(lambda: histogram(value, ticks))


def _figures(shown: dict[str, str]) -> None:
    """A line of figures, each after its name."""
    texts = [f":small[{name}] **{figure}**" for name, figure in shown.items()]
    st.markdown(" \N{MIDDLE DOT} ".join(texts))


def _price(value: float | None, decimals: Decimals) -> str:
    return _DASH if value is None or math.isnan(value) else decimals.text(value)


def _number(value: float) -> str:
    return _DASH if math.isnan(value) else f"{value:+.2f}"


def _counted(series: CandleSeries) -> str:
    first, last = (from_epoch_ms(ms) for ms in (series.window.start_ms, series.window.end_ms))
    return (
        f"The charts beside count the whole range, {first:%d %b %Y %H:%M} to "
        f"{last:%d %b %Y %H:%M} UTC, by its {series.interval} candles."
    )

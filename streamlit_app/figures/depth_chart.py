"""The depth chart of an order book: cumulative quantity by price."""

from collections.abc import Sequence

import plotly.graph_objects as go

from crypto_assets.analytics.providers.order_book import DepthLevel, OrderBookDepth
from streamlit_app.colors import FALLING, RISING, make_translucent
from streamlit_app.figures import number_formats
from streamlit_app.figures.static_layout import add_marks, build_mark, build_static_layout
from streamlit_app.format.decimal_places import DecimalPlaces

_FEW_LEVELS = 2  # on both sides


def draw_depth_chart(book: OrderBookDepth, decimals: DecimalPlaces, base: str) -> go.Figure:
    """Draw bids and asks as steps, with a mark at the mid price. `base` is the unit."""
    levels = [*book.bids, *book.asks]
    largest = max((level.cumulative for level in levels), default=0.0)
    layout = build_static_layout(
        xaxis={"tickformat": decimals.tick_format, "nticks": 6},
        yaxis={
            "tickformat": number_formats.get_amount_tick_format(largest),
            "exponentformat": "B",
            "rangemode": "tozero",
            "side": "right",
        },
        hovermode="x",
    )
    if len(levels) <= _FEW_LEVELS:
        # Ticks between so few prices would be rounded to the same text.
        layout.xaxis.update(tickvals=[level.price for level in levels])
    figure = go.Figure(layout=layout)
    figure.add_trace(_draw_side(book.bids, "Bids", RISING, "vh", decimals, base))
    figure.add_trace(_draw_side(book.asks, "Asks", FALLING, "hv", decimals, base))
    if book.mid is None:
        return figure
    return add_marks(
        figure,
        [
            build_mark(
                "x", book.mid, f"mid {decimals.midpoint_places.format_value(book.mid)}", "dot"
            )
        ],
    )


def _draw_side(
    levels: Sequence[DepthLevel],
    name: str,
    color: str,
    shape: str,
    decimals: DecimalPlaces,
    base: str,
) -> go.Scatter:
    return go.Scatter(
        x=[level.price for level in levels],
        y=[level.cumulative for level in levels],
        name=name,
        # A line needs two levels.
        mode="lines" if len(levels) > 1 else "lines+markers",
        line={"color": color, "width": 1.6, "shape": shape},
        fill="tozeroy",
        fillcolor=make_translucent(color, 0.22),
        hovertemplate=f"%{{x:{decimals.tick_format}}}: %{{y:,.6~r}} {base}<extra>{name}</extra>",
    )

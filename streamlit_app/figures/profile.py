"""Volume by price: what takers bought and sold, the point of control, and the value area."""

import plotly.graph_objects as go

from crypto_assets.analytics.providers.volume_profile import VolumeProfile
from streamlit_app.colours import FALLING, RISING, make_translucent
from streamlit_app.figures import number_formats
from streamlit_app.figures.static_layout import add_marks, build_mark, build_static_layout
from streamlit_app.format.decimal_places import DecimalPlaces

_INSIDE_ALPHA, _OUTSIDE_ALPHA = 0.85, 0.35


def draw_volume_profile(found: VolumeProfile, decimals: DecimalPlaces, base: str) -> go.Figure:
    """Bars from the left, bought before sold; those outside the value area are paler."""
    most = max((bar.volume for bar in found.bars), default=0.0)
    figure = go.Figure(
        layout=build_static_layout(
            xaxis={
                "tickformat": number_formats.get_amount_format(most).tick_format,
                "exponentformat": "B",
                "nticks": 5,
            },
            yaxis={"tickformat": decimals.tick_format, "side": "right", "nticks": 7},
            barmode="stack",
        )
    )
    if not found.bars:
        return figure
    inside = [
        found.value_area_low <= (bar.low + bar.high) / 2 <= found.value_area_high
        for bar in found.bars
    ]
    amounts = {
        "bought": ([bar.buy_volume for bar in found.bars], RISING),
        "sold": ([bar.volume - bar.buy_volume for bar in found.bars], FALLING),
    }
    for name, (volumes, colour) in amounts.items():
        figure.add_trace(
            go.Bar(
                x=volumes,
                y=[(bar.low + bar.high) / 2 for bar in found.bars],
                orientation="h",
                marker={
                    "color": [
                        make_translucent(colour, _INSIDE_ALPHA if one else _OUTSIDE_ALPHA)
                        for one in inside
                    ],
                    "line": {"width": 0},
                },
                hovertemplate=f"%{{y:{decimals.tick_format}}}: %{{x:,.4~r}} {base}<extra>{name}</extra>",
            )
        )
    return add_marks(figure, [build_mark("y", found.point_of_control, "POC", "dot")])

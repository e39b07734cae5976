"""The volume profile: bought and sold volume by price, with the point of control."""

import plotly.graph_objects as go

from crypto_assets.analytics.providers.volume_profile import VolumeProfile
from streamlit_app.colors import FALLING, RISING, make_translucent
from streamlit_app.figures import number_formats
from streamlit_app.figures.static_layout import add_marks, build_mark, build_static_layout
from streamlit_app.format.decimal_places import DecimalPlaces

_INSIDE_ALPHA, _OUTSIDE_ALPHA = 0.85, 0.35


def draw_volume_profile(profile: VolumeProfile, decimals: DecimalPlaces, base: str) -> go.Figure:
    """Draw stacked bars by price; bars outside the value area are paler."""
    largest = max((bar.volume for bar in profile.bars), default=0.0)
    figure = go.Figure(
        layout=build_static_layout(
            xaxis={
                "tickformat": number_formats.get_amount_tick_format(largest),
                "exponentformat": "B",
                "nticks": 5,
            },
            yaxis={"tickformat": decimals.tick_format, "side": "right", "nticks": 7},
            barmode="stack",
        )
    )
    if not profile.bars:
        return figure
    inside = [
        profile.value_area_low <= (bar.low + bar.high) / 2 <= profile.value_area_high
        for bar in profile.bars
    ]
    amounts = {
        "bought": ([bar.buy_volume for bar in profile.bars], RISING),
        "sold": ([bar.volume - bar.buy_volume for bar in profile.bars], FALLING),
    }
    for side, (volumes, color) in amounts.items():
        figure.add_trace(
            go.Bar(
                x=volumes,
                y=[(bar.low + bar.high) / 2 for bar in profile.bars],
                orientation="h",
                marker={
                    "color": [
                        make_translucent(color, _INSIDE_ALPHA if is_inside else _OUTSIDE_ALPHA)
                        for is_inside in inside
                    ],
                    "line": {"width": 0},
                },
                hovertemplate=f"%{{y:{decimals.tick_format}}}: %{{x:,.4~r}} {base}"
                f"<extra>{side}</extra>",
            )
        )
    return add_marks(figure, [build_mark("y", profile.point_of_control, "POC", "dot")])

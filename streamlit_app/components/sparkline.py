"""A small line of prices as SVG, which needs no script, so that a table can have many."""

from collections.abc import Sequence
from urllib.parse import quote

from streamlit_app import colors

_WIDTH, _HEIGHT, _MARGIN = 120.0, 32.0, 2.0


def draw_sparkline(prices: Sequence[float]) -> str:
    """Draw the line, blue if the last price is not below the first one, else orange.

    Its color and its ends say what the change beside it says; screen readers skip it.
    """
    if len(prices) < 2:
        return ""
    low, high = min(prices), max(prices)
    scale = (_HEIGHT - 2 * _MARGIN) / (high - low or 1)
    step = _WIDTH / (len(prices) - 1)
    points = " ".join(
        f"{index * step:.1f},{_HEIGHT - _MARGIN - (price - low) * scale:.1f}"
        for index, price in enumerate(prices)
    )
    color = colors.RISING if prices[-1] >= prices[0] else colors.FALLING
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" '
        f'preserveAspectRatio="none"><polyline points="{points}" fill="none" stroke="{color}" '
        'stroke-width="1.5" vector-effect="non-scaling-stroke"/></svg>'
    )
    # An image: Streamlit removes vector graphics from HTML.
    return f'<img class="sparkline" alt="" src="data:image/svg+xml,{quote(picture)}">'

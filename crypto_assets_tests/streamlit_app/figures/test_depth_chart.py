"""The depth chart of books with few levels."""

from decimal import Decimal

from crypto_assets.analytics.registry import get_provider
from crypto_assets.market.order_book import OrderBook, PriceLevel
from streamlit_app.figures.depth_chart import draw_depth_chart
from streamlit_app.format.decimal_places import DecimalPlaces


def test_a_book_of_one_level_per_side_is_visible_and_has_two_ticks() -> None:
    provider = get_provider("order_book")
    bid, ask = (PriceLevel(Decimal(price), Decimal(2)) for price in ("73746.20", "73746.21"))
    book = OrderBook(1, 1_741_219_200_000, (bid,), (ask,))
    depth = provider(book=book, params=provider.parse_params({}))
    figure = draw_depth_chart(depth, DecimalPlaces(2, 2), "BTC")
    assert [trace.mode for trace in figure.data] == ["lines+markers"] * 2
    assert list(figure.layout.xaxis.tickvals) == [73746.20, 73746.21]

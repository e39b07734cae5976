"""The depth curve and values of the order book equal hand-computed ones."""

from crypto_assets.analytics import Input, get_provider
from crypto_assets.analytics.providers.order_book import DepthLevel, OrderBookDepth
from crypto_assets.market.order_book import OrderBook
from crypto_assets_tests.analytics.market_data import BOOK, START


def depth(book: OrderBook | None, levels: int = 20) -> OrderBookDepth:
    provider = get_provider("order_book")
    result = provider.compute(provider.parse_params({"levels": levels}), {Input.BOOK: book})
    assert isinstance(result, OrderBookDepth)
    return result


def test_values_keep_their_digits() -> None:
    ours = depth(BOOK)
    assert (ours.best_bid, ours.best_ask) == (0.00001234, 0.00001236)
    assert (ours.mid, ours.spread) == (0.00001235, 0.00000002)
    assert ours.spread_bps == 0.00000002 / 0.00001235 * 10_000
    assert (ours.bid_depth, ours.ask_depth, ours.imbalance) == (400, 100, 0.6)
    assert (ours.captured_at, ours.last_update_id) == (START, 7)


def test_the_curve_adds_up_from_the_best_price() -> None:
    assert depth(BOOK).bids == (
        DepthLevel(0.00001234, 300, 300),
        DepthLevel(0.00001233, 100, 400),
    )
    assert [level.cumulative for level in depth(BOOK).asks] == [50, 100]


def test_fewer_levels_change_only_depth_and_imbalance() -> None:
    ours = depth(BOOK, levels=1)
    assert (ours.bid_depth, ours.ask_depth, ours.imbalance) == (300, 50, 250 / 350)
    assert ours.spread == depth(BOOK).spread


def test_without_a_book_there_are_no_values() -> None:
    assert depth(None) == OrderBookDepth()


def test_a_one_sided_book_has_no_middle() -> None:
    ours = depth(OrderBook(1, START, BOOK.bids, ()))
    assert (ours.best_bid, ours.best_ask, ours.mid, ours.imbalance) == (
        0.00001234,
        None,
        None,
        None,
    )
    assert len(ours.bids) == 2

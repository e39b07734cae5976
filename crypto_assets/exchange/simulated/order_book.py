"""The order book at an instant: plausible levels around the last price."""

from dataclasses import dataclass

import numpy as np

from crypto_assets.exchange.simulated.noise import (
    Ints,
    draw_normal,
    draw_uniform,
    power_of_e,
    stream_key,
)
from crypto_assets.exchange.simulated.symbol_catalog import ListedSymbol

# The book changes, and its update id grows, with each step of the clock.
BOOK_STEP_MS = 100
_UPDATES = 7


@dataclass(frozen=True)
class SimulatedBook:
    """Levels as (price, quantity) text with eight decimals, the best first."""

    last_update_id: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


def compute_update_id(now: int) -> int:
    return now // BOOK_STEP_MS * _UPDATES


def generate_book(
    listing: ListedSymbol, now: int, price: int, lots: int, limit: int
) -> SimulatedBook:
    """`price` is the last price in ticks, `lots` a usual level's size; `limit` levels a side.

    The same instant gives the same book. The bids end early where the price falls to nothing.
    """
    key = stream_key(now // BOOK_STEP_MS, listing.symbol, "book")
    levels = np.arange(limit)
    spread = 1 + key % 2
    bids = price - _generate_distances(key + 1, levels)
    asks = price + spread + _generate_distances(key + 2, levels)
    count = int((bids > 0).sum())
    return SimulatedBook(
        compute_update_id(now),
        _format_levels(listing, bids[:count], _generate_sizes(key + 3, levels[:count], lots)),
        _format_levels(listing, asks, _generate_sizes(key + 4, levels, lots)),
    )


def _generate_distances(key: int, levels: Ints) -> Ints:
    """Ticks from the best price, growing by 1 to 8 a level."""
    gaps = 1 + (draw_uniform(key, levels) * draw_uniform(key + 10, levels) * 8).astype(np.int64)
    return np.cumsum(gaps) - gaps[:1]


def _generate_sizes(key: int, levels: Ints, lots: int) -> Ints:
    size = lots * power_of_e(0.9 * draw_normal(key, levels)) * (1 + np.minimum(levels, 200) / 50)
    return np.maximum(size, 1).astype(np.int64)


def _format_levels(listing: ListedSymbol, prices: Ints, sizes: Ints) -> list[tuple[str, str]]:
    return [
        (_format_units(price, listing.tick_digits), _format_units(size, listing.lot_digits))
        for price, size in zip(prices.tolist(), sizes.tolist(), strict=True)
    ]


def _format_units(units: int, digits: int) -> str:
    whole, part = divmod(units * 10 ** (8 - digits), 100_000_000)
    return f"{whole}.{part:08d}"

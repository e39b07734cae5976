"""The generated order book: plausible levels around the last price."""

from dataclasses import dataclass

import numpy as np

from crypto_assets.exchange.simulated.array_types import Ints
from crypto_assets.exchange.simulated.decimals import format_units
from crypto_assets.exchange.simulated.noise import (
    draw_normal,
    draw_uniform,
    power_of_e,
    stream_key,
)
from crypto_assets.exchange.simulated.symbol_catalog import ListedSymbol

# The book and its update id change with each step of the clock.
BOOK_STEP_MS = 100
_UPDATES = 7


@dataclass(frozen=True)
class SimulatedBook:
    """Levels as (price, quantity), text with eight decimals, the best first."""

    last_update_id: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


def compute_update_id(now: int) -> int:
    return now // BOOK_STEP_MS * _UPDATES


def generate_book(
    listing: ListedSymbol, now: int, price: int, lots: int, limit: int
) -> SimulatedBook:
    """Generate `limit` levels per side around the last `price` (in ticks).

    `lots` is the usual size of a level. The same time gives the same book. There are fewer bids
    where their price would be 0 or less.
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
    """Return ticks from the best price, growing by 1 to 8 per level."""
    gaps = 1 + (draw_uniform(key, levels) * draw_uniform(key + 10, levels) * 8).astype(np.int64)
    return np.cumsum(gaps) - gaps[:1]


def _generate_sizes(key: int, levels: Ints, lots: int) -> Ints:
    size = lots * power_of_e(0.9 * draw_normal(key, levels)) * (1 + np.minimum(levels, 200) / 50)
    return np.maximum(size, 1).astype(np.int64)


def _format_levels(listing: ListedSymbol, prices: Ints, sizes: Ints) -> list[tuple[str, str]]:
    return [
        (format_units(price, listing.tick_digits), format_units(size, listing.lot_digits))
        for price, size in zip(prices.tolist(), sizes.tolist(), strict=True)
    ]

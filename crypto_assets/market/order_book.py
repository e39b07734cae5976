"""An order-book snapshot, parsed from the exchange's depth response."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Self


@dataclass(frozen=True)
class PriceLevel:
    """A price in quote units, and the quantity at it in base units."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True)
class OrderBook:
    """Bids descending and asks ascending by price; `last_update_id` identifies the snapshot.

    The exchange's response has no time: `captured_at` is when it arrived (epoch ms).
    """

    last_update_id: int
    captured_at: int
    bids: tuple[PriceLevel, ...]
    asks: tuple[PriceLevel, ...]

    @classmethod
    def from_response(cls, response: Mapping[str, Any], captured_at: int) -> Self:
        """Parse a depth response.

        Raises KeyError, TypeError, ValueError or ArithmeticError if it is not one.
        """
        return cls(
            last_update_id=int(response["lastUpdateId"]),
            captured_at=captured_at,
            bids=_parse_levels(response["bids"]),
            asks=_parse_levels(response["asks"]),
        )

    @property
    def mid(self) -> Decimal:
        """The mean of best bid and best ask, in quote units; needs both sides."""
        return (self.bids[0].price + self.asks[0].price) / 2

    @property
    def spread(self) -> Decimal:
        """Best ask minus best bid, in quote units; needs both sides."""
        return self.asks[0].price - self.bids[0].price

    @property
    def bid_depth(self) -> Decimal:
        """The sum of the bids' quantities, in base units."""
        return sum((level.quantity for level in self.bids), Decimal(0))

    @property
    def ask_depth(self) -> Decimal:
        return sum((level.quantity for level in self.asks), Decimal(0))

    @property
    def imbalance(self) -> Decimal:
        """(bid depth - ask depth) / (bid depth + ask depth), from -1 to 1; 0 if both are 0."""
        total = self.bid_depth + self.ask_depth
        return (self.bid_depth - self.ask_depth) / total if total else Decimal(0)

    @property
    def is_one_sided(self) -> bool:
        """Whether bids, asks or both are missing: a valid book without a spread or a mid price."""
        return not self.bids or not self.asks

    def find_flaw(self) -> str | None:
        """Return why the book is invalid (unsorted, crossed, not positive), or None.

        Best bid and best ask may be equal, or missing, while orders are not matched.
        """
        if any(level.price <= 0 or level.quantity <= 0 for level in self.bids + self.asks):
            return "a price or quantity is not positive"
        bids, asks = [b.price for b in self.bids], [a.price for a in self.asks]
        if any(lower >= upper for upper, lower in pairwise(bids)):
            return "bids do not descend"
        if any(upper <= lower for lower, upper in pairwise(asks)):
            return "asks do not ascend"
        if bids and asks and bids[0] > asks[0]:
            return f"crossed: best bid {bids[0]} is above best ask {asks[0]}"
        return None


def _parse_levels(rows: Iterable[Sequence[str]]) -> tuple[PriceLevel, ...]:
    return tuple(PriceLevel(Decimal(price), Decimal(quantity)) for price, quantity in rows)

"""What became of one symbol's day at one stage of the chain."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from crypto_assets.errors import CryptoAssetsError


class Stage(StrEnum):
    """The chain's tables in the order in which they fill, by their assets' names."""

    RAW = "raw_klines"
    FACTS = "fact_klines"
    HOURS = "hourly_klines"
    DAYS = "daily_klines"


class BookStage(StrEnum):
    """The same for order books."""

    RAW = "raw_order_book"
    FACTS = "fact_order_book"


@dataclass(frozen=True)
class DayOutcome:
    """`rows` is what the stage holds of the day; `facts` are figures that a person wants to see.

    `reach` are the open times (epoch ms) of the first and the last candle, where they are known.
    """

    stage: Stage | BookStage
    symbol: str
    day: date
    rows: int = 0
    facts: Mapping[str, object] = field(default_factory=dict)
    error: CryptoAssetsError | None = None
    reach: tuple[int, int] | None = None

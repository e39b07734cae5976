"""What became of one symbol's day at one stage of the chain."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from crypto_assets.errors import CryptoAssetsError


class KlinesStage(StrEnum):
    """The chain's tables in the order in which they fill, by their assets' names."""

    RAW = "raw_klines"
    FACTS = "fact_klines"
    HOURS = "hourly_klines"
    DAYS = "daily_klines"


class OrderBookStage(StrEnum):
    """The same for order books."""

    RAW = "raw_order_book"
    FACTS = "fact_order_book"


@dataclass(frozen=True)
class DayOutcome:
    """`facts` say what the run did with the day. The other figures are of the partition in which
    it lies, whatever the run did: of the day, or of its month.

    `rows` is what the stage holds, `reach` the open times (epoch ms) of the first and the last
    candle, `missing` how many minutes have closed and are not there; None where nobody looked.
    """

    stage: KlinesStage | OrderBookStage
    symbol: str
    day: date
    rows: int | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    error: CryptoAssetsError | None = None
    time_range: tuple[int, int] | None = None
    missing_minutes: int | None = None

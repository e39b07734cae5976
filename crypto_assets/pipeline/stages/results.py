"""The outcome of one symbol's day at one stage of a pipeline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from crypto_assets.errors import CryptoAssetsError

# The days that failed, each with its error.
ErrorsByDay = dict[date, CryptoAssetsError]


class KlinesStage(StrEnum):
    """The stages of candles in the order in which they run, by the names of their assets."""

    RAW = "raw_klines"
    FACTS = "fact_klines"
    HOURS = "hourly_klines"
    DAYS = "daily_klines"


class OrderBookStage(StrEnum):
    """The stages of order books, by the names of their assets."""

    RAW = "raw_order_book"
    FACTS = "fact_order_book"


@dataclass(frozen=True)
class DayOutcome:
    """The outcome of one day at one stage. The day failed if `error` is set.

    `details` describe what the run did with the day. The other figures describe the partition
    that contains the day (the day itself, or its month), including what earlier runs stored.

    `rows` counts the stored rows, `time_range` holds the open times (epoch ms) of the first and the
    last candle, and `missing_minutes` counts the closed minutes that are not stored. Each is None
    if it was not determined.
    """

    stage: KlinesStage | OrderBookStage
    symbol: str
    day: date
    rows: int | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    error: CryptoAssetsError | None = None
    time_range: tuple[int, int] | None = None
    missing_minutes: int | None = None

"""Series: rows by open time, oldest first, existing candles only, and what is missing."""

from typing import Any, Generic, TypeVar, get_type_hints

from pydantic import BaseModel, Field, create_model

from crypto_assets.analytics import Provider
from crypto_assets.api.views.base import EpochMs
from crypto_assets.api.views.objects import build_object_model
from crypto_assets.market.intervals import Interval
from crypto_assets.warehouse.quality.gap_ledger import GapClass

T = TypeVar("T")


class SeriesGap(BaseModel):
    """A stretch without candles, `start` ≤ t < `end`."""

    start: EpochMs
    end: EpochMs
    gap_class: GapClass | None = Field(
        alias="class", description="The ledger's word; null where it has no entry."
    )


class SeriesRow(BaseModel):
    open_time: EpochMs
    time: str = Field(
        description="The open time in ISO 8601, UTC.", examples=["2025-01-31T12:00:00Z"]
    )
    forming: bool = Field(description="Whether the candle's period is not over.")
    partial: bool = Field(
        description="Whether the beginning of the candle's period is not stored: its open, high,"
        " low and sums are of the rest of it."
    )


class KlineRow(SeriesRow):
    """Prices and volumes as decimal text, to the last digit (on SQLite to the fifteenth)."""

    open: str
    high: str
    low: str
    close: str
    volume: str
    close_time: EpochMs
    quote_volume: str
    trade_count: int
    taker_buy_volume: str
    taker_buy_quote_volume: str


class Series(BaseModel, Generic[T]):
    symbol: str
    interval: Interval
    params: dict[str, Any] = Field(description="The parameters, defaults filled in.")
    data: list[T]
    gaps: list[SeriesGap]


class Single(BaseModel, Generic[T]):
    """What is no series: one object over all the candles, null where there is none."""

    symbol: str
    interval: Interval
    params: dict[str, Any] = Field(description="The parameters, defaults filled in.")
    data: T | None
    gaps: list[SeriesGap]


def build_answer_model(provider: Provider[Any]) -> Any:
    """What a provider's route answers with."""
    if not provider.is_series:
        return Single[build_object_model(get_type_hints(provider.function)["return"])]  # type: ignore[misc]
    columns: dict[str, Any] = {
        name: (float | None, Field(description=unit))
        for name, unit in provider.columns.items()
        if name not in SeriesRow.model_fields
    }
    return Series[create_model(f"{provider.name}_row", __base__=SeriesRow, **columns)]  # type: ignore[misc]

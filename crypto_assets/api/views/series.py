"""Series: rows of existing candles by open time, oldest first, and the gaps between them."""

from typing import Any, Generic, TypeVar, get_type_hints

from pydantic import BaseModel, Field, create_model

from crypto_assets.analytics import Provider
from crypto_assets.api.views.base import EpochMs
from crypto_assets.api.views.result_schema import build_object_model
from crypto_assets.market.intervals import Interval
from crypto_assets.warehouse.quality.gap_ledger import GapClass

T = TypeVar("T")


class SeriesGap(BaseModel):
    """A window without candles, `start` ≤ t < `end`."""

    start: EpochMs
    end: EpochMs
    gap_class: GapClass | None = Field(
        alias="class", description="Class in the gap ledger; null if the ledger has no entry."
    )


class SeriesRow(BaseModel):
    open_time: EpochMs
    time: str = Field(
        description="The open time in ISO 8601, UTC.", examples=["2025-01-31T12:00:00Z"]
    )
    forming: bool = Field(description="Whether the candle's period has not ended.")
    partial: bool = Field(
        description="Whether the beginning of the candle's period is not stored. Open, high, low"
        " and sums then cover only the rest of the period."
    )


class KlineRow(SeriesRow):
    """Prices and volumes as exact decimal text (on SQLite, exact to 15 digits)."""

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
    params: dict[str, Any] = Field(description="Parameters, including defaults.")
    data: list[T]
    gaps: list[SeriesGap]


class Single(BaseModel, Generic[T]):
    """One object over all candles; null if there are none."""

    symbol: str
    interval: Interval
    params: dict[str, Any] = Field(description="Parameters, including defaults.")
    data: T | None
    gaps: list[SeriesGap]


def build_answer_model(provider: Provider[Any]) -> Any:
    """Build the response model of a provider's route."""
    if not provider.is_series:
        return Single[build_object_model(get_type_hints(provider.function)["return"])]  # type: ignore[misc]
    columns: dict[str, Any] = {
        name: (float | None, Field(description=unit))
        for name, unit in provider.columns.items()
        if name not in SeriesRow.model_fields
    }
    return Series[create_model(f"{provider.name}_row", __base__=SeriesRow, **columns)]  # type: ignore[misc]

"""Small generated markets: random walks with quiet candles and gaps, from a seed."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from crypto_assets.analytics import Input, Params, Provider, frame_from_table
from crypto_assets.analytics.providers.talib_indicators import GENERATED_PROVIDERS
from crypto_assets.analytics.registry import find_providers
from crypto_assets.market.candles import KlineRow, table_from_rows
from crypto_assets.market.intervals import Interval
from crypto_assets.market.order_book import OrderBook, PriceLevel
from crypto_assets.market.utc_time import to_epoch_ms

GENERATED = [provider.name for provider in GENERATED_PROVIDERS]
# The providers with a file of their own.
WRITTEN = [name for name in find_providers() if name not in GENERATED]
# What one test checks: a provider with a file of its own, or all generated ones, in subtests.
GROUPS = {**{name: [name] for name in WRITTEN}, "generated": GENERATED}

# A Wednesday.
START = to_epoch_ms(pd.Timestamp("2025-01-01", tz="UTC").to_pydatetime())
BOOK = OrderBook(
    last_update_id=7,
    captured_at=START,
    bids=(
        PriceLevel(Decimal("0.00001234"), Decimal(300)),
        PriceLevel(Decimal("0.00001233"), Decimal(100)),
    ),
    asks=(
        PriceLevel(Decimal("0.00001236"), Decimal(50)),
        PriceLevel(Decimal("0.00001240"), Decimal(50)),
    ),
)


def candles(
    count: int,
    *,
    seed: int = 0,
    price: float = 60_000.0,
    interval: Interval = Interval.M1,
    quiet: float = 0.1,
    holes: bool = False,
) -> pd.DataFrame:
    """Return `count` candles; the fraction `quiet` has no trades, and `holes` drops some."""
    dice = np.random.default_rng(seed)
    still = dice.random(count) < quiet
    close = price * np.exp(np.cumsum(np.where(still, 0, dice.normal(0, 1e-3, count))))
    opened = np.concatenate([[price], close[:-1]])
    spread = np.where(still, 1, np.exp(np.abs(dice.normal(0, 5e-4, count))))
    volume = np.where(still, 0, dice.exponential(5, count))
    times = interval.floor(START) + interval.ms * np.arange(count)
    frame = pd.DataFrame(
        {
            "open_time": times,
            "open": opened,
            "high": np.maximum(opened, close) * spread,
            "low": np.minimum(opened, close) / spread,
            "close": close,
            "volume": volume,
            "close_time": times + interval.ms - 1,
            "quote_volume": volume * (opened + close) / 2,
            "trade_count": np.where(still, 0, dice.integers(1, 99, count)),
            "taker_buy_volume": volume / 2,
            "taker_buy_quote_volume": volume * (opened + close) / 4,
        },
        index=pd.DatetimeIndex(pd.to_datetime(times, unit="ms", utc=True), name="time"),
    )
    return frame[dice.random(count) > 0.02] if holes else frame


def flat(count: int, price: str = "0.00001234", volume: str = "0") -> pd.DataFrame:
    """Return candles of one price; without volume, as the exchange publishes quiet minutes."""
    return frame_from_table(flat_table(count, price, volume))


def flat_table(count: int, price: str = "0.00001234", volume: str = "0") -> pa.Table:
    return table_from_rows([_flat_row(START + i * 60_000, price, volume) for i in range(count)])


def _flat_row(opened: int, price: str, volume: str) -> KlineRow:
    paid = f"{Decimal(price) * Decimal(volume):.8f}"
    head: KlineRow = [opened, price, price, price, price, volume, opened + 59_999]
    return [*head, paid, int(volume != "0"), volume, paid, "0"]


def answer(
    provider: Provider[Any],
    frame: pd.DataFrame,
    params: Params | None = None,
    *,
    interval: Interval = Interval.M1,
    companion: pd.DataFrame | None = None,
) -> Any:
    """Compute a provider with every input; its candles have the declared columns and the times."""
    params = provider.parse_params({}) if params is None else params
    other = candles(len(frame), seed=99, interval=interval) if companion is None else companion
    others = {name: other for name in params.companions() or ("AAAUSDT", "BBBUSDT")}
    supplied = {
        Input.CANDLES: frame[
            [c for c in frame if c in {*provider.reads, "open_time", "close_time", "partial"}]
        ],
        Input.INTERVAL: interval,
        Input.COMPANIONS: others,
        Input.BOOK: BOOK,
    }
    return provider.compute(params, supplied)

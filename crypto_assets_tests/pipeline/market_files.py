"""CSV files of candles, in the format that the simulated exchange serves."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from decimal import Decimal
from pathlib import Path

from crypto_assets.market.candles import Candle


def minute(open_time: int, price: int, volume: int = 2) -> Candle:
    """A minute candle at one price, with trades if `volume` is above 0."""
    at, amount = Decimal(price), Decimal(volume)
    half = amount / 2
    return Candle(
        open_time,
        *(at, at + 1, at - 1, at),
        amount,
        open_time + 59_999,
        amount * at,
        volume * 3,
        half,
        half * at,
    )


def together(parts: Sequence[Candle], open_time: int, close_time: int) -> Candle:
    """Roll up parts that all have volume, by the exchange's rule."""
    assert all(part.volume for part in parts)
    return Candle(
        open_time,
        parts[0].open,
        max(part.high for part in parts),
        min(part.low for part in parts),
        parts[-1].close,
        sum((part.volume for part in parts), Decimal()),
        close_time,
        sum((part.quote_volume for part in parts), Decimal()),
        sum(part.trade_count for part in parts),
        sum((part.taker_buy_volume for part in parts), Decimal()),
        sum((part.taker_buy_quote_volume for part in parts), Decimal()),
    )


def write_candles(folder: Path, symbol: str, interval: str, rows: Iterable[Candle]) -> Path:
    """Write one file; returns its folder."""
    folder.mkdir(exist_ok=True)
    lines = [",".join(field.name for field in fields(Candle))]
    lines += [",".join(str(value) for value in astuple(row)) for row in rows]
    (folder / f"{symbol}-{interval}.csv").write_text("\n".join(lines) + "\n")
    return folder

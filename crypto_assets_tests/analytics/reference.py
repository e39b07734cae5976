"""Slow implementations of the indicators from their definitions, to compare with TA-Lib."""

from itertools import pairwise
from statistics import fmean, pstdev, stdev

import numpy as np
import pandas as pd

NAN = float("nan")
Values = list[float]


def windows(values: Values, size: int) -> list[Values]:
    """Return the window that ends at each value; empty if there are too few values."""
    return [values[i - size + 1 : i + 1] if i >= size - 1 else [] for i in range(len(values))]


def sma(values: Values, period: int) -> Values:
    return [fmean(w) if w else NAN for w in windows(values, period)]


def seeded_average(values: Values, period: int, alpha: float, first: int) -> Values:
    """Return an exponential average, seeded at `first` with the mean of a period."""
    if len(values) <= first:
        return [NAN] * len(values)
    average = fmean(values[first - period + 1 : first + 1])
    result = [NAN] * first + [average]
    for value in values[first + 1 :]:
        average = alpha * value + (1 - alpha) * average
        result.append(average)
    return result


def ema(values: Values, period: int, first: int | None = None) -> Values:
    first = period - 1 if first is None else first
    return seeded_average(values, period, 2 / (period + 1), first)


def begin_at(values: Values, first: int) -> Values:
    """Start all lines of an indicator together with the last one, as TA-Lib does."""
    return [NAN] * min(first, len(values)) + values[first:]


def rsi(close: Values, period: int) -> Values:
    moves = [NAN, *np.diff(close)]
    gain = seeded_average([max(m, 0.0) for m in moves], period, 1 / period, period)
    loss = seeded_average([max(-m, 0.0) for m in moves], period, 1 / period, period)
    return [100 * g / (g + b) if g + b else NAN for g, b in zip(gain, loss, strict=True)]


def macd(close: Values, fast: int, slow: int, signal: int) -> tuple[Values, Values]:
    pairs = zip(ema(close, fast, slow - 1), ema(close, slow), strict=True)
    line = [a - b for a, b in pairs]
    first = slow + signal - 2
    return begin_at(line, first), ema(line, signal, first)


def bollinger(close: Values, period: int, std: float) -> tuple[Values, Values, Values]:
    middle = sma(close, period)
    width = [std * pstdev(w) if w else NAN for w in windows(close, period)]
    pairs = list(zip(middle, width, strict=True))
    return [m + w for m, w in pairs], middle, [m - w for m, w in pairs]


def atr(candles: pd.DataFrame, period: int) -> Values:
    rows = list(zip(candles["high"], candles["low"], candles["close"], strict=True))
    ranges = [NAN] + [
        max(high, before) - min(low, before) for (_, _, before), (high, low, _) in pairwise(rows)
    ]
    return seeded_average(ranges, period, 1 / period, period)


def stochastic(
    candles: pd.DataFrame, k_period: int, smoothing: int, d_period: int
) -> tuple[Values, Values]:
    high, low = (windows(candles[name].tolist(), k_period) for name in ("high", "low"))
    raw = [
        100 * (close - min(lows)) / (max(highs) - min(lows)) if highs else NAN
        for close, highs, lows in zip(candles["close"], high, low, strict=True)
    ]
    k = sma(raw, smoothing)
    return begin_at(k, k_period + smoothing + d_period - 3), sma(k, d_period)


def log_returns(close: Values) -> Values:
    return [NAN, *np.diff(np.log(close)).tolist()]


def volatility(close: Values, window: int, per_year: float) -> Values:
    return [
        stdev(w) * per_year**0.5 if w and not np.isnan(w[0]) else NAN
        for w in windows(log_returns(close), window)
    ]


def correlation(ours: Values, theirs: Values, window: int) -> Values:
    pairs = zip(
        windows(log_returns(ours), window), windows(log_returns(theirs), window), strict=True
    )
    return [float(np.corrcoef(a, b)[0, 1]) if a and not np.isnan(a[0]) else NAN for a, b in pairs]


def running(
    candles: pd.DataFrame, starts: set[pd.Timestamp], after_holes: set[pd.Timestamp]
) -> tuple[Values, Values]:
    """Compute OBV and VWAP in a loop that starts again at `starts` and after each gap."""
    obv, vwap, total, paid, traded, before = [], [], 0.0, 0.0, 0.0, None
    for row in candles.itertuples():
        if row.Index in after_holes:
            before = None
        if row.Index in starts | after_holes:
            total, paid, traded = 0.0, 0.0, 0.0
        if before is not None and row.close != before:
            total += row.volume if row.close > before else -row.volume
        paid += (row.high + row.low + row.close) / 3 * row.volume
        traded += row.volume
        before = row.close
        obv.append(total)
        vwap.append(paid / traded if traded else NAN)
    return obv, vwap

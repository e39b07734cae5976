"""Symbols side by side: each one's change since the first candle seen, on one scale."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from crypto_assets.market.utc_time import Window
from streamlit_app.figures.candles import OHLC, ChartFrame
from streamlit_app.figures.indicator import Indicator
from streamlit_app.figures.number_formats import RELATIVE_FORMAT


def build_relative_chart(
    candles: pd.DataFrame,
    about: ChartFrame,
    overlays: Sequence[Indicator],
    others: Mapping[str, pd.Series],
    view: Window | None,
) -> tuple[pd.DataFrame, ChartFrame, list[Indicator]]:
    """The same chart as ratios to the close of the first candle seen, the others' lines first.

    `others` are closes by open time (epoch ms); one that has none in sight has no line.
    """
    base = _find_base_close(
        pd.Series(candles["close"].to_numpy(), candles["open_time"].to_numpy()), view
    )
    lines = [
        Indicator(symbol, line.to_frame("change"), RELATIVE_FORMAT)
        for symbol, closes in others.items()
        if (line := _align_closes(closes, candles, view)) is not None
    ]
    if base is None:
        return candles, about, lines
    changed = candles.assign(**{name: candles[name] / base - 1 for name in OHLC})
    moved = [
        replace(one, lines=one.lines / base - 1, number_format=RELATIVE_FORMAT) for one in overlays
    ]
    return changed, replace(about, is_relative=True), [*lines, *moved]


def _align_closes(
    closes: pd.Series, candles: pd.DataFrame, view: Window | None
) -> pd.Series | None:
    """One value for each candle of the chart's own symbol, NaN where the other has none."""
    base = _find_base_close(closes, view)
    return None if base is None else closes.reindex(candles["open_time"]) / base - 1


def _find_base_close(closes: pd.Series, view: Window | None) -> float | None:
    sight = closes if view is None else closes[closes.index >= view.start_ms]
    sight = sight[sight > 0]
    return None if sight.empty else float(sight.iloc[0])

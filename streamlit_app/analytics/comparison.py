"""Comparison of symbols: the change of each since the first visible candle."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from crypto_assets.analytics import Panel
from crypto_assets.market.utc_time import Window
from streamlit_app.figures.candles import OHLC, ChartFrame
from streamlit_app.figures.indicator import Indicator
from streamlit_app.figures.number_formats import RELATIVE_FORMAT


def build_relative_chart(
    candles: pd.DataFrame,
    frame: ChartFrame,
    overlays: Sequence[Indicator],
    compared_closes: Mapping[str, pd.Series],
    view: Window | None,
    colours: Mapping[str, str],
) -> tuple[pd.DataFrame, ChartFrame, list[Indicator]]:
    """Convert a chart to changes since the first visible close, with lines of other symbols.

    `compared_closes` contains closes by open time (epoch ms), `colours` a CSS colour, by symbol. A
    symbol without visible closes has no line. Returns the candles, the frame, and the overlays,
    compared symbols first.
    """
    base = _find_base_close(
        pd.Series(candles["close"].to_numpy(), candles["open_time"].to_numpy()), view
    )
    lines = [
        Indicator(
            key=symbol,
            name=symbol,
            panel=Panel.PRICE,
            lines=line.to_frame("change"),
            number_format=RELATIVE_FORMAT,
            colours=(colours[symbol],),
        )
        for symbol, closes in compared_closes.items()
        if (line := _align_closes(closes, candles, view)) is not None
    ]
    if base is None:
        return candles, frame, lines
    relative_candles = candles.assign(**{name: candles[name] / base - 1 for name in OHLC})
    relative_overlays = [
        replace(overlay, lines=overlay.lines / base - 1, number_format=RELATIVE_FORMAT)
        for overlay in overlays
    ]
    return relative_candles, replace(frame, is_relative=True), [*lines, *relative_overlays]


def _align_closes(
    closes: pd.Series, candles: pd.DataFrame, view: Window | None
) -> pd.Series | None:
    """Return one value per candle of the chart, NaN where the other symbol has no candle."""
    base = _find_base_close(closes, view)
    return None if base is None else closes.reindex(candles["open_time"]) / base - 1


def _find_base_close(closes: pd.Series, view: Window | None) -> float | None:
    """Return the first visible close above 0, None if there is none."""
    visible = closes if view is None else closes[closes.index >= view.start_ms]
    visible = visible[visible > 0]
    return None if visible.empty else float(visible.iloc[0])

"""Runs providers over candles, reading the history before them that settles the first value."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from crypto_assets.analytics import Input, Params, Provider, frame_from_table
from crypto_assets.analytics.candle_frame import PARTIAL_COLUMN
from crypto_assets.market.candles import CANDLE_COLUMNS
from crypto_assets.market.utc_time import Window
from crypto_assets.reports.candle_periods import read_closes
from crypto_assets.reports.candle_series import CandleChart, CandleSeries, ProviderResult
from crypto_assets.reports.candles import prepend_history
from crypto_assets.warehouse import Warehouse

ProviderCall = tuple[Provider[Any], Params]


def compute_chart(
    warehouse: Warehouse, shown: CandleSeries, asked: Sequence[ProviderCall]
) -> CandleChart:
    """Each provider's answer over the candles shown; the history before them is read once.

    Without candles, those alone answer that need none.
    """
    if not shown.table.num_rows:
        asked = [one for one in asked if not one[0].needs_candles]
    if not asked:
        return CandleChart(shown, ())
    warm_ups = [params.warm_up(shown.interval) for _, params in asked]
    read = {name for provider, _ in asked for name in provider.reads}
    flagged = any(not provider.accepts_partial for provider, _ in asked)
    joined = prepend_history(warehouse, shown, max(warm_ups, default=0), read, flag_partial=flagged)
    return CandleChart(
        shown,
        tuple(
            _compute_provider_result(warehouse, shown, joined, needed, provider, params)
            for needed, (provider, params) in zip(warm_ups, asked, strict=True)
        ),
    )


def _compute_provider_result(
    warehouse: Warehouse,
    shown: CandleSeries,
    joined: CandleSeries,
    warm_up: int,
    provider: Provider[Any],
    params: Params,
) -> ProviderResult:
    """From no more than it needs, so that its neighbours change nothing in it."""
    count = shown.table.num_rows
    frame = joined.frame.iloc[-(count + warm_up) :][_list_frame_columns(provider)]
    needed = {Input.INTERVAL, *provider.inputs}
    supplied = {need: _load_input(warehouse, need, shown, frame, params) for need in needed}
    value = provider.compute(params, supplied)
    if provider.is_series:
        value = value.iloc[len(value) - count :]
    return ProviderResult(provider.name, params.model_dump(by_alias=True, mode="json"), value)


def _list_frame_columns(provider: Provider[Any]) -> list[str]:
    """The times, and what it says that it looks at: a wrong word of it shows at once.

    And the flag `partial`, which decides over which candles the provider computes.
    """
    wanted = {"open_time", "close_time", *provider.reads}
    return [*(name for name in CANDLE_COLUMNS if name in wanted), PARTIAL_COLUMN]


def _load_input(
    warehouse: Warehouse, need: Input, shown: CandleSeries, frame: pd.DataFrame, params: Params
) -> Any:
    if need is Input.CANDLES:
        return frame
    if need is Input.INTERVAL:
        return shown.interval
    if need is Input.BOOK:
        return warehouse.order_books.read_latest(shown.symbol)
    return _load_companions(warehouse, shown, frame, params.companions())


def _load_companions(
    warehouse: Warehouse, shown: CandleSeries, frame: pd.DataFrame, names: Sequence[str] | None
) -> Mapping[str, pd.DataFrame]:
    """Closes over the same time, by symbol; None asks for every tracked symbol's."""
    if names is None:
        names = [symbol.name for symbol in warehouse.symbols.list_tracked()]
    window = Window(int(frame["open_time"].iloc[0]), shown.window.end_ms)
    others = [name for name in names if name != shown.symbol]
    closes = read_closes(warehouse, others, shown.interval, window)
    frames = {name: frame_from_table(table) for name, table in closes.items()}
    return {name: frames.get(name, frame) for name in names}

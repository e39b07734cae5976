"""Run providers over candles, with the history before them that their first value needs."""

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
    warehouse: Warehouse, shown: CandleSeries, calls: Sequence[ProviderCall]
) -> CandleChart:
    """Compute the result of each provider over the candles shown.

    The history before them is read once. Without candles, providers that need candles have no
    result.
    """
    if not shown.table.num_rows:
        calls = [call for call in calls if not call[0].needs_candles]
    if not calls:
        return CandleChart(shown, ())
    warm_ups = [params.warm_up(shown.interval) for _, params in calls]
    series = prepend_history(
        warehouse,
        shown,
        max(warm_ups, default=0),
        columns={name for provider, _ in calls for name in provider.reads},
        flag_partial=any(not provider.accepts_partial for provider, _ in calls),
    )
    return CandleChart(
        shown,
        tuple(
            _compute_result(warehouse, shown, series, warm_up, provider, params)
            for warm_up, (provider, params) in zip(warm_ups, calls, strict=True)
        ),
    )


def _compute_result(
    warehouse: Warehouse,
    shown: CandleSeries,
    series: CandleSeries,
    warm_up: int,
    provider: Provider[Any],
    params: Params,
) -> ProviderResult:
    """Compute one result from the history that this provider needs, and no more.

    So a result does not depend on which other providers run.
    """
    count = shown.table.num_rows
    frame = series.frame.iloc[-(count + warm_up) :][_list_frame_columns(provider)]
    inputs = {Input.INTERVAL, *provider.inputs}
    supplied = {name: _load_input(warehouse, name, shown, frame, params) for name in inputs}
    value = provider.compute(params, supplied)
    if provider.is_series:
        value = value.iloc[len(value) - count :]
    return ProviderResult(provider.name, params.model_dump(by_alias=True, mode="json"), value)


def _list_frame_columns(provider: Provider[Any]) -> list[str]:
    """Return the two times, the columns that the provider declares in `reads`, and `partial`.

    A provider that uses an undeclared column fails at once. `partial` decides over which candles
    the provider computes.
    """
    wanted = {"open_time", "close_time", *provider.reads}
    return [*(name for name in CANDLE_COLUMNS if name in wanted), PARTIAL_COLUMN]


def _load_input(
    warehouse: Warehouse, name: Input, shown: CandleSeries, frame: pd.DataFrame, params: Params
) -> Any:
    if name is Input.CANDLES:
        return frame
    if name is Input.INTERVAL:
        return shown.interval
    if name is Input.BOOK:
        return warehouse.order_books.read_latest(shown.symbol)
    return _load_companions(warehouse, shown, frame, params.companions())


def _load_companions(
    warehouse: Warehouse, shown: CandleSeries, frame: pd.DataFrame, symbols: Sequence[str] | None
) -> Mapping[str, pd.DataFrame]:
    """Read closes over the same window, by symbol; None means all tracked symbols."""
    if symbols is None:
        symbols = [symbol.name for symbol in warehouse.symbols.list_tracked()]
    window = Window(int(frame["open_time"].iloc[0]), shown.window.end_ms)
    others = [symbol for symbol in symbols if symbol != shown.symbol]
    closes = read_closes(warehouse, others, shown.interval, window)
    frames = {symbol: frame_from_table(table) for symbol, table in closes.items()}
    return {symbol: frames.get(symbol, frame) for symbol in symbols}

"""Runs providers over candles, reading the history before them that settles the first value."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from crypto_assets.analytics import Input, Params, Provider
from crypto_assets.market.clock import Window
from crypto_assets.market.intervals import Interval
from crypto_assets.reports.candles import read_candles
from crypto_assets.reports.series import Answer, CandleSeries, Chart
from crypto_assets.warehouse import Warehouse

Asked = tuple[Provider[Any], Params]


def answer_all(warehouse: Warehouse, shown: CandleSeries, asked: Sequence[Asked]) -> Chart:
    """Each provider's answer over the candles shown; the history before them is read once."""
    if not shown.table.num_rows:
        return Chart(shown, ())
    warm_up = max((params.warm_up(shown.interval) for _, params in asked), default=0)
    history = _history(warehouse, shown, warm_up)
    return Chart(
        shown,
        tuple(_answer(warehouse, shown, history, provider, params) for provider, params in asked),
    )


def _answer(
    warehouse: Warehouse,
    shown: CandleSeries,
    history: pa.Table,
    provider: Provider[Any],
    params: Params,
) -> Answer:
    needed = min(history.num_rows, params.warm_up(shown.interval))
    candles = _prepended(shown, history.slice(history.num_rows - needed))
    supplied: Mapping[Input, Any] = {
        need: _supply(warehouse, need, candles, params) for need in provider.inputs
    }
    value = provider.compute(params, supplied)
    if provider.is_series:
        value = value.iloc[len(value) - shown.table.num_rows :]
    return Answer(provider.name, params.model_dump(by_alias=True, mode="json"), value)


def _supply(warehouse: Warehouse, need: Input, candles: CandleSeries, params: Params) -> Any:
    if need is Input.CANDLES:
        return candles.frame
    if need is Input.INTERVAL:
        return candles.interval
    if need is Input.BOOK:
        return warehouse.order_books.latest(candles.symbol)
    return _companions(warehouse, candles, params.companions())


def _companions(
    warehouse: Warehouse, candles: CandleSeries, names: Sequence[str] | None
) -> Mapping[str, Any]:
    """Candles over the same time, by symbol; None asks for every tracked symbol's."""
    if names is None:
        names = [symbol.name for symbol in warehouse.symbols.tracked()]
    window = candles.window
    return {
        name: candles.frame
        if name == candles.symbol
        else _read_window(warehouse, name, candles.interval, window).frame
        for name in names
    }


def _read_window(
    warehouse: Warehouse, symbol: str, interval: Interval, window: Window
) -> CandleSeries:
    return read_candles(warehouse, symbol, interval, window.start_ms, window.end_ms, limit=None)


def _history(warehouse: Warehouse, shown: CandleSeries, count: int) -> pa.Table:
    if not count:
        return shown.table.slice(0, 0)
    first = shown.table["open_time"][0].as_py()
    return read_candles(warehouse, shown.symbol, shown.interval, end=first, limit=count).table


def _prepended(shown: CandleSeries, history: pa.Table) -> CandleSeries:
    table = pa.concat_tables([history, shown.table])
    return CandleSeries(shown.symbol, shown.interval, table, shown.known_until)

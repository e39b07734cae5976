"""Reads the values that a price alert compares: a column of an indicator at closed candles."""

import math

from crypto_assets.analytics import get_provider
from crypto_assets.market.candles import CANDLE_COLUMNS
from crypto_assets.market.price_alerts import CLOSE, ClosedValue, PriceAlertRule
from crypto_assets.market.utc_time import Window
from crypto_assets.reports.candle_series import CandleSeries
from crypto_assets.reports.candles import read_candles
from crypto_assets.reports.indicators import compute_chart
from crypto_assets.warehouse import Warehouse

MAX_VALUES = 1000


def read_rule_values(
    warehouse: Warehouse, rule: PriceAlertRule, window: Window
) -> list[ClosedValue]:
    """Return the values at the closed candles that open in a window, oldest first, at most 1,000.

    They are the values that the chart of the same interval shows. Raises WarehouseError, and
    WrongUse if the indicator or a parameter no longer exists.
    """
    if rule.indicator == CLOSE:
        shown = _read_closes(warehouse, rule, window, ("close",))
        values = shown.frame["close"].tolist()
    else:
        provider = get_provider(rule.indicator)
        params = provider.parse_params(rule.params)
        shown = _read_closes(warehouse, rule, window, provider.reads)
        if not shown.table.num_rows:
            return []
        (result,) = compute_chart(warehouse, shown, [(provider, params)]).results
        values = result.value[rule.column].tolist()
    rows = zip(
        shown.table["open_time"].to_pylist(),
        shown.table["close_time"].to_pylist(),
        values,
        strict=True,
    )
    return [
        ClosedValue(open_time, close_time, value if math.isfinite(value) else None)
        for open_time, close_time, value in rows
        if close_time < shown.known_until
    ]


def _read_closes(
    warehouse: Warehouse, rule: PriceAlertRule, window: Window, columns: tuple[str, ...]
) -> CandleSeries:
    names = tuple(name for name in CANDLE_COLUMNS if name in columns)
    return read_candles(
        warehouse,
        rule.symbol,
        rule.interval,
        window.start_ms,
        window.end_ms,
        MAX_VALUES,
        names,
    )

"""The exchange's own rule for building a larger candle from smaller ones, its parts.

Open, high and low come from the parts with volume > 0, or from all parts if none has any; close
comes from the last part; volumes and trades are sums. Missing parts are ignored, and a period
without a part has no candle. The rule composes: days built from hours equal days built from
minutes.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval

SUM_COLUMNS = (
    "volume",
    "quote_volume",
    "trade_count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
)
# Columns that depend on the last part of a period alone.
LAST_PART_COLUMNS = frozenset({"open_time", "close", "close_time"})

# The eleven columns, and the number of parts of each period.
ROLLED_SCHEMA = CANDLE_SCHEMA.append(pa.field("parts", pa.int64()))


def roll_up(candles: pa.Table, interval: Interval) -> pa.Table:
    """Roll candles of CANDLE_SCHEMA, in any order, up to candles of `interval`, oldest first.

    Returns ROLLED_SCHEMA. Open times lie on the interval's grid, close times one millisecond before
    the next period.
    """
    return roll_up_periods(
        candles,
        lambda opens: _floor_to_periods(opens, interval),
        lambda periods: pc.add(periods, interval.ms - 1),
    )


def roll_up_periods(
    candles: pa.Table,
    open_times: Callable[[pa.ChunkedArray], pa.ChunkedArray],
    close_times: Callable[[pa.ChunkedArray], pa.ChunkedArray],
) -> pa.Table:
    """Roll candles up to periods of any kind, by the same rule as `roll_up`.

    `open_times` maps open times of parts to those of their periods; `close_times` maps open times
    of periods to their close times.
    """
    parts = candles.select(CANDLE_COLUMNS).sort_by("open_time")
    if not parts.num_rows:
        return ROLLED_SCHEMA.empty_table()
    parts = parts.append_column("period", open_times(parts["open_time"]))
    parts = parts.append_column("row", pa.array(np.arange(parts.num_rows)))
    whole = parts.group_by("period", use_threads=False).aggregate(
        [("row", "max"), ("row", "count"), *((name, "sum") for name in SUM_COLUMNS)]
    )
    whole = whole.sort_by("period")
    prices = (
        parts.filter(_select_price_parts(parts, whole))
        .group_by("period", use_threads=False)
        .aggregate([("row", "min"), ("high", "max"), ("low", "min")])
        .sort_by("period")
    )
    period = whole["period"]
    columns = {
        "open_time": period,
        "open": parts["open"].take(prices["row_min"]),
        "high": prices["high_max"],
        "low": prices["low_min"],
        "close": parts["close"].take(whole["row_max"]),
        "close_time": close_times(period),
        **{name: whole[f"{name}_sum"] for name in SUM_COLUMNS},
        "parts": whole["row_count"],
    }
    return pa.table({field.name: columns[field.name].cast(field.type) for field in ROLLED_SCHEMA})


def roll_up_single_period(candles: pa.Table, interval: Interval, open_time: int) -> pa.Table:
    """Roll candles up to the one period that opens at `open_time`, on the grid or off it.

    All candles must open in that period. Returns one row, whose open time lies on the grid, or none
    if there is no candle.
    """
    shift = open_time - interval.floor(open_time)
    opens = pc.subtract(candles["open_time"], shift)
    place = candles.schema.get_field_index("open_time")
    return roll_up(candles.set_column(place, "open_time", opens), interval)


def _floor_to_periods(open_times: pa.ChunkedArray, interval: Interval) -> pa.ChunkedArray:
    shifted = pc.subtract(open_times, interval.offset_ms)
    return pc.add(pc.multiply(pc.divide(shifted, interval.ms), interval.ms), interval.offset_ms)


def _select_price_parts(parts: pa.Table, whole: pa.Table) -> pa.ChunkedArray:
    """Mask the parts that give open, high and low: those with volume, or all if none has any."""
    untraded = whole["period"].filter(pc.equal(whole["volume_sum"], 0))
    return pc.or_(
        pc.greater(parts["volume"], 0), pc.is_in(parts["period"], untraded.combine_chunks())
    )

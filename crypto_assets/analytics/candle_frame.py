"""Convert candle tables to pandas frames with a UTC index, floats and flags."""

from collections.abc import Collection

import pandas as pd
import pyarrow as pa

TIME_COLUMN = "time"
PARTIAL_COLUMN = "partial"


def frame_from_table(table: pa.Table) -> pd.DataFrame:
    """Convert candles to floats, in the table's order, under a UTC DatetimeIndex named `time`.

    A decimal becomes the nearest double if it has up to sixteen digits; with more digits the result
    may be off by one double. Times (epoch ms) and trade counts remain integers.
    """
    floats = pa.schema([_float_field(field) for field in table.schema])
    # Without threads, because starting them takes longer than they save.
    frame: pd.DataFrame = table.cast(floats).to_pandas(use_threads=False)
    opened = table["open_time"].to_numpy().view("datetime64[ms]")
    return frame.set_index(pd.DatetimeIndex(opened, name=TIME_COLUMN, tz="UTC"))


def flag_forming(frame: pd.DataFrame, known_until: int) -> pd.DataFrame:
    """Add the column `forming`: True for candles that end after `known_until` (epoch ms)."""
    return frame.assign(forming=frame["close_time"] >= known_until)


def flag_partial(frame: pd.DataFrame, partial: Collection[int]) -> pd.DataFrame:
    """Add the column `partial`: True for candles that open at one of these times (epoch ms)."""
    return frame.assign(**{PARTIAL_COLUMN: frame["open_time"].isin(list(partial))})


def _float_field(field: pa.Field) -> pa.Field:
    return field.with_type(pa.float64()) if pa.types.is_decimal(field.type) else field

"""Convert candle tables to pandas frames with a UTC index, floats and flags."""

from collections.abc import Collection

import pandas as pd
import pyarrow as pa

TIME_COLUMN = "time"
PARTIAL_COLUMN = "partial"


def frame_from_table(table: pa.Table) -> pd.DataFrame:
    """Candles as floats, in the table's order, under a UTC DatetimeIndex named `time`.

    Decimals become doubles: the nearest one up to sixteen digits, at most its neighbour beyond (the
    exact digits stay in the table). Times (epoch ms) and trade counts stay whole numbers.
    """
    floats = pa.schema([_float_field(field) for field in table.schema])
    # Threads cost more than they save, and on a busy machine one waits for them.
    frame: pd.DataFrame = table.cast(floats).to_pandas(use_threads=False)
    opened = table["open_time"].to_numpy().view("datetime64[ms]")
    return frame.set_index(pd.DatetimeIndex(opened, name=TIME_COLUMN, tz="UTC"))


def flag_forming(frame: pd.DataFrame, now_ms: int) -> pd.DataFrame:
    """The frame with `forming`: True for a candle that was not over at `now_ms` (epoch ms).

    Where minutes arrive late, `now_ms` is the moment up to which they are known.
    """
    return frame.assign(forming=frame["close_time"] >= now_ms)


def flag_partial(frame: pd.DataFrame, partial: Collection[int]) -> pd.DataFrame:
    """The frame with `partial`: True for a candle that opens at one of these times (epoch ms).

    They are those whose beginning is not stored.
    """
    return frame.assign(**{PARTIAL_COLUMN: frame["open_time"].isin(list(partial))})


def _float_field(field: pa.Field) -> pa.Field:
    return field.with_type(pa.float64()) if pa.types.is_decimal(field.type) else field

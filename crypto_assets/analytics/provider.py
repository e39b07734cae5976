"""What a provider is: a pure function from candles to a frame, with its typed parameters.

A provider is one file in `analytics/providers/`:

    class SmaParams(Params):
        period: int = Field(20, ge=1, le=500, description="candles in the average")

        def warm_up(self, interval: Interval) -> int:
            return self.period - 1

    @provider(title="Simple moving average", panel=Panel.PRICE, columns={"sma": "quote units"})
    def sma(candles: pd.DataFrame, params: SmaParams) -> pd.DataFrame:
        \"\"\"Formula, source and units.\"\"\"

The function's name is the provider's; what it needs is said by its arguments' names (`Input`).
What has no value (too little history, nothing divided by nothing) is NaN, never inf and never 0.

A hole breaks a series: where `warm_up` says that a value rests on earlier candles, the function is
called for each run of candles without a hole by itself, and sees none. A candle whose beginning is
not stored (the column `partial`) is left out in the same way, unless closes alone are looked at.

`reads=("close",)` declares which columns of its candles it looks at. It is given those and the
times alone, and less is read: closes cost a fifth of whole candles where these are rolled up.

How a chart draws it is declared too: `columns` are lines unless `bars` names them, `levels` are the
values at which a rule is drawn, and a unit that reads `0 to 100` fixes the axis to these ends.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar, get_type_hints

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from crypto_assets.analytics.candle_frame import PARTIAL_COLUMN
from crypto_assets.analytics.candle_gaps import split_at_gaps
from crypto_assets.errors import WrongUse
from crypto_assets.market.candles import CANDLE_COLUMNS
from crypto_assets.market.intervals import Interval

R = TypeVar("R")


class Input(StrEnum):
    """What a provider may ask for, by the name of its argument."""

    CANDLES = "candles"  # the symbol's, a frame as `frame_from_table` makes it
    INTERVAL = "interval"  # the candles' width, an `Interval`
    COMPANIONS = "companions"  # frames with other symbols' `close` over the same time, by symbol
    BOOK = "book"  # the newest `OrderBook`, or None where there is none


class Panel(StrEnum):
    """Where a chart belongs."""

    PRICE = "price"  # over the candles, in their units
    BELOW = "below"  # under the candles, on their time axis, in units of its own
    ALONE = "alone"  # a figure of its own: no series in time


class Params(BaseModel):
    """Base of all parameters: bounds, defaults and help stand in the fields."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True
    )

    def warm_up(self, interval: Interval) -> int:
        """How many candles before the first one shown must be read for its value to be settled."""
        return 0

    def companions(self) -> tuple[str, ...] | None:
        """Whose candles are needed besides the symbol's; None means every tracked symbol's."""
        return ()


@dataclass(frozen=True)
class Provider(Generic[R]):
    """A registered function; calling it calls the function.

    `columns` names a series' columns and their units; a provider without columns answers with one
    object (a dataclass) instead of a frame. `reads` are the columns of candles that it looks at.
    """

    function: Callable[..., R]
    title: str
    panel: Panel
    columns: Mapping[str, str]
    params: type[Params]
    inputs: tuple[Input, ...]
    reads: tuple[str, ...]
    bars: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        return self.function(*args, **kwargs)

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def description(self) -> str:
        return inspect.getdoc(self.function) or ""

    @property
    def summary(self) -> str:
        return self.description.partition("\n")[0]

    @property
    def is_series(self) -> bool:
        return bool(self.columns)

    @property
    def needs_candles(self) -> bool:
        """Whether it speaks of a stretch of time; what looks at the newest book alone does not."""
        return self.inputs != (Input.BOOK,)

    def parse_params(self, values: Mapping[str, object]) -> Params:
        """Parameters from what a person gave, as text too; what is not given has its default.

        Raises WrongUse naming each wrong parameter and what it may be.
        """
        try:
            return self.params.model_validate(values)
        except ValidationError as error:
            raise WrongUse(f"{self.name}: {_describe_errors(error, self.params)}") from None

    @property
    def looks_back(self) -> bool:
        """Whether a value may rest on candles before its own."""
        return self.params.warm_up is not Params.warm_up

    @property
    def accepts_partial(self) -> bool:
        """Whether it takes candles whose beginning is not stored: their close is true all the same.

        A series that shows each candle by itself shows them too, as they are.
        """
        return set(self.reads) <= {"close"} or (self.is_series and not self.looks_back)

    def compute(self, params: Params, supplied: Mapping[Input, Any]) -> R:
        """The function's answer from the inputs that it declares; others are left aside.

        Of a series over each unbroken run of candles by itself, for which `supplied` holds the
        interval too.
        """
        given = {need: supplied[need] for need in self.inputs}
        if Input.CANDLES not in given:
            return self._call_function(params, given)
        candles: pd.DataFrame = given[Input.CANDLES]
        left_out = np.zeros(len(candles), bool)
        if PARTIAL_COLUMN in candles:
            if not self.accepts_partial:
                left_out = candles[PARTIAL_COLUMN].to_numpy(bool)
            candles = candles.drop(columns=PARTIAL_COLUMN)
        if not self.is_series:
            return self._call_function(params, given | {Input.CANDLES: candles[~left_out]})
        interval: Interval = supplied[Input.INTERVAL]
        needs_warm_up = params.warm_up(interval) > 0
        times = candles["open_time"].to_numpy()
        runs = split_at_gaps(times, interval, left_out) if needs_warm_up else [~left_out]
        parts = [candles.iloc[run] for run in runs or [slice(0, 0)]]
        answers: list[Any] = [
            self._call_function(params, given | {Input.CANDLES: part}) for part in parts
        ]
        whole: Any = answers[0] if len(answers) == 1 else pd.concat(answers)
        if len(whole) < len(candles):
            whole = whole.reindex(candles.index)
        answer: R = whole
        return answer

    def _call_function(self, params: Params, given: Mapping[Input, Any]) -> R:
        return self.function(params=params, **{need.value: one for need, one in given.items()})


def provider(
    *,
    title: str,
    panel: Panel,
    columns: Mapping[str, str] | None = None,
    reads: tuple[str, ...] | None = None,
    bars: tuple[str, ...] = (),
    levels: tuple[float, ...] = (),
) -> Callable[[Callable[..., R]], Provider[R]]:
    """Makes a function a Provider; the registry finds it by scanning `analytics/providers/`.

    Without `reads` it is given whole candles. Raises ValueError where an argument is no `Input`,
    `params` lacks its type, `bars` names what is no column, or `reads` what candles do not have.
    """

    def register(function: Callable[..., R]) -> Provider[R]:
        hints, names = get_type_hints(function), inspect.signature(function).parameters
        kind = hints.get("params")
        if not (isinstance(kind, type) and issubclass(kind, Params)):
            raise ValueError(f"{function.__name__}: annotate `params` with a subclass of Params")
        inputs = tuple(Input(name) for name in names if name != "params")
        series = hints.get("return") is pd.DataFrame
        if series != bool(columns):
            raise ValueError(f"{function.__name__}: a DataFrame, and it alone, has columns")
        if not set(bars) <= set(columns or {}):
            raise ValueError(f"{function.__name__}: bars name columns")
        looked_at = _default_reads(inputs) if reads is None else reads
        if not set(looked_at) <= set(CANDLE_COLUMNS):
            raise ValueError(f"{function.__name__}: reads names columns of candles")
        return Provider(
            function, title, panel, columns or {}, kind, inputs, looked_at, bars, levels
        )

    return register


def _default_reads(inputs: tuple[Input, ...]) -> tuple[str, ...]:
    if Input.CANDLES in inputs:
        return CANDLE_COLUMNS
    return ("close",) if Input.COMPANIONS in inputs else ()


def _describe_errors(error: ValidationError, params: type[Params]) -> str:
    return "; ".join(_describe_error(fault, params) for fault in error.errors())


def _describe_error(fault: Any, params: type[Params]) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in params.model_fields.items()]
        return f"no parameter {where!r}; there are: {', '.join(known) or 'none'}"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{where}: {message} (given: {fault['input']!r})" if where else message

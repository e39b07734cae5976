"""Providers: pure functions from candles to a frame or an object, with typed parameters.

A provider is one file in `analytics/providers/`:

    class SmaParams(Params):
        period: int = Field(20, ge=1, le=500, description="candles in the average")

        def warm_up(self, interval: Interval) -> int:
            return self.period - 1

    @provider(title="Simple moving average", panel=Panel.PRICE, columns={"sma": Unit.QUOTE})
    def sma(candles: pd.DataFrame, params: SmaParams) -> pd.DataFrame:
        \"\"\"Formula, source and units.\"\"\"

The name of the function is the name of the provider. The names of its arguments are its inputs
(`Input`). An undefined value (too little history, 0 divided by 0) is NaN, not infinite and not 0.

If `warm_up` returns more than 0, the function is called once for each run of candles without a gap.
Candles whose beginning is not stored (the column `partial`) also split runs, unless the provider
reads only closes.

`reads=("close",)` declares the columns of candles that the provider uses. It receives only these
and the times. Reading only closes costs a fifth of reading whole candles that must be rolled up.

A chart draws `columns` as lines, or as bars if `bars` names them, fills the area between the two
columns of `band`, and draws a horizontal line at each of `levels`. A `Unit` sets the number format,
and its bounds fix the ends of the axis; any other text is a label only. `label` is the name in the
chart's legend, which the parameters follow: `EMA 20`.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar, get_type_hints

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from crypto_assets.analytics.candle_frame import PARTIAL_COLUMN
from crypto_assets.analytics.candle_gaps import split_at_gaps
from crypto_assets.analytics.unit import Unit
from crypto_assets.errors import WrongUse
from crypto_assets.market.candles import CANDLE_COLUMNS
from crypto_assets.market.intervals import Interval

R = TypeVar("R")

_MAX_ACRONYM_LETTERS = 4  # letters: sma, ema, vwap
# Pydantic's errors of values outside of the bounds.
_BOUND_ERRORS = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}


class Input(StrEnum):
    """An input of a provider; the value is the name of the argument."""

    CANDLES = "candles"  # the candles of the symbol, as `frame_from_table` returns them
    INTERVAL = "interval"  # the `Interval` of the candles
    COMPANIONS = "companions"  # frames with `close` of other symbols over the same time, by symbol
    BOOK = "book"  # the newest `OrderBook`, or None


class Panel(StrEnum):
    """Where a chart draws a provider."""

    PRICE = "price"  # over the candles, in the same units
    BELOW = "below"  # in a pane below the candles, with its own units
    ALONE = "alone"  # in a figure of its own, without a time axis


class Params(BaseModel):
    """Base class of parameters; the fields contain bounds, defaults and descriptions."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True
    )

    def warm_up(self, interval: Interval) -> int:
        """Return how many candles before the first one shown its value depends on."""
        return 0

    def companions(self) -> tuple[str, ...] | None:
        """Return the other symbols whose candles are needed; None means all tracked symbols."""
        return ()

    def describe(self, interval: Interval) -> str:
        """Return the parameters as a legend shows them: `20 2`, without choices left at default."""
        return " ".join(
            _format_parameter(value)
            for name, field in type(self).model_fields.items()
            if not isinstance(value := getattr(self, name), StrEnum) or value != field.default
        )


@dataclass(frozen=True)
class Provider(Generic[R]):
    """A registered function; calling the provider calls the function.

    `columns` maps the columns of a series to their units. A provider without columns returns one
    object (a dataclass) instead of a frame. `reads` are the columns of candles that it uses.
    """

    function: Callable[..., R]
    title: str
    panel: Panel
    columns: Mapping[str, Unit | str]
    params: type[Params]
    inputs: tuple[Input, ...]
    reads: tuple[str, ...]
    bars: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    band: tuple[str, str] | None = None
    label: str = ""

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

    def format_legend(self, params: Params, interval: Interval) -> str:
        """Return a short name with the parameters: `SMA 20`, `Bollinger 20 2`, `VWAP (day)`."""
        return f"{self.short_name} {params.describe(interval)}".strip()

    @property
    def short_name(self) -> str:
        """The label, or the name as a title: `SMA`, `Bollinger`."""
        name = self.name.replace("_", " ")
        short = name.upper() if len(name) <= _MAX_ACRONYM_LETTERS else name.capitalize()
        return self.label or short

    @property
    def search_name(self) -> str:
        """The title, and the short name unless it is a word of it: `On-balance volume (OBV)`."""
        words = re.findall(r"\w+", self.title.casefold())
        is_word = all(word in words for word in self.short_name.casefold().split())
        return self.title if is_word else f"{self.title} ({self.short_name})"

    @property
    def is_series(self) -> bool:
        return bool(self.columns)

    @property
    def needs_candles(self) -> bool:
        """Whether the result depends on candles; False if it depends on the newest book only."""
        return self.inputs != (Input.BOOK,)

    def parse_params(self, values: Mapping[str, object]) -> Params:
        """Parse parameters, which may be text; missing ones get their defaults.

        Raises WrongUse, which names each wrong parameter and its valid values.
        """
        try:
            return self.params.model_validate(values)
        except ValidationError as error:
            raise WrongUse(f"{self.name}: {_describe_errors(error, self.params)}") from None

    @property
    def looks_back(self) -> bool:
        """Whether a value may depend on candles before its own."""
        return self.params.warm_up is not Params.warm_up

    @property
    def accepts_partial(self) -> bool:
        """Whether the provider uses candles whose beginning is not stored.

        Their close is correct, so providers that read only closes use them. A series whose values
        depend on single candles includes them too.
        """
        return set(self.reads) <= {"close"} or (self.is_series and not self.looks_back)

    def compute(self, params: Params, supplied: Mapping[Input, Any]) -> R:
        """Call the function with the inputs that it declares, and ignore the others.

        A series that depends on earlier candles is computed for each run of candles without a gap.
        For a series, `supplied` must contain the interval.
        """
        inputs = {name: supplied[name] for name in self.inputs}
        if Input.CANDLES not in inputs:
            return self._call_function(params, inputs)
        candles, excluded = self._exclude_partial_candles(inputs[Input.CANDLES])
        if not self.is_series:
            return self._call_function(params, inputs | {Input.CANDLES: candles[~excluded]})
        parts = [candles[~excluded]]
        if params.warm_up(supplied[Input.INTERVAL]) > 0:
            open_times = candles["open_time"].to_numpy()
            runs = split_at_gaps(open_times, supplied[Input.INTERVAL], excluded)
            # Without candles one empty part, so that the result has its columns.
            parts = [candles.iloc[run] for run in runs or [slice(0, 0)]]
        frames: list[Any] = [
            self._call_function(params, inputs | {Input.CANDLES: part}) for part in parts
        ]
        series: Any = frames[0] if len(frames) == 1 else pd.concat(frames)
        result: R = series if len(series) == len(candles) else series.reindex(candles.index)
        return result

    def _exclude_partial_candles(
        self, candles: pd.DataFrame
    ) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
        """Return the candles without their flag `partial`, and which of them to exclude."""
        excluded = np.zeros(len(candles), bool)
        if PARTIAL_COLUMN not in candles:
            return candles, excluded
        if not self.accepts_partial:
            excluded = candles[PARTIAL_COLUMN].to_numpy(bool)
        return candles.drop(columns=PARTIAL_COLUMN), excluded

    def _call_function(self, params: Params, inputs: Mapping[Input, Any]) -> R:
        return self.function(params=params, **{name.value: item for name, item in inputs.items()})


def provider(
    *,
    title: str,
    panel: Panel,
    columns: Mapping[str, Unit | str] | None = None,
    reads: tuple[str, ...] | None = None,
    bars: tuple[str, ...] = (),
    levels: tuple[float, ...] = (),
    band: tuple[str, str] | None = None,
    label: str = "",
) -> Callable[[Callable[..., R]], Provider[R]]:
    """Turn a function into a Provider, which the registry finds in `analytics/providers/`.

    Without `reads` it receives whole candles. Raises ValueError if an argument is not an `Input`,
    `params` has no type, `bars` or `band` names an unknown column, or `reads` an unknown column of
    candles.
    """

    def register(function: Callable[..., R]) -> Provider[R]:
        hints, arguments = get_type_hints(function), inspect.signature(function).parameters
        params = hints.get("params")
        if not (isinstance(params, type) and issubclass(params, Params)):
            raise ValueError(f"{function.__name__}: annotate `params` with a subclass of Params")
        inputs = tuple(Input(name) for name in arguments if name != "params")
        if (hints.get("return") is pd.DataFrame) != bool(columns):
            raise ValueError(f"{function.__name__}: declare columns if it returns a DataFrame only")
        if not {*bars, *(band or ())} <= set(columns or {}):
            raise ValueError(f"{function.__name__}: bars and band must name columns")
        used = _default_reads(inputs) if reads is None else reads
        if not set(used) <= set(CANDLE_COLUMNS):
            raise ValueError(f"{function.__name__}: reads must name columns of candles")
        units = {name: _parse_unit(unit) for name, unit in (columns or {}).items()}
        return Provider(
            function, title, panel, units, params, inputs, used, bars, levels, band, label
        )

    return register


def _default_reads(inputs: tuple[Input, ...]) -> tuple[str, ...]:
    if Input.CANDLES in inputs:
        return CANDLE_COLUMNS
    return ("close",) if Input.COMPANIONS in inputs else ()


def _format_parameter(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _describe_errors(error: ValidationError, params: type[Params]) -> str:
    return "; ".join(_describe_error(details, params) for details in error.errors())


def _describe_error(details: Any, params: type[Params]) -> str:
    where = ".".join(str(part) for part in details["loc"])
    if details["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in params.model_fields.items()]
        return f"no parameter {where!r}; available: {', '.join(known) or 'none'}"
    message: str = details["msg"].removeprefix("Value error, ")
    if not where:
        return message
    if details["type"] in _BOUND_ERRORS and (bounds := describe_bounds(params, where)):
        return f"{where} must be {bounds}, not {details['input']}"
    return f"{where}: {message} (given: {details['input']!r})"


def describe_bounds(params: type[Params], alias: str) -> str:
    """Describe the bounds of a parameter: `2 to 500`, `above 0 to 10`; empty without two bounds."""
    field = next(
        field for name, field in params.model_fields.items() if (field.alias or name) == alias
    )
    lower, upper = "", ""
    for limit in field.metadata:
        if hasattr(limit, "ge") or hasattr(limit, "gt"):
            lower = f"{limit.ge:g}" if hasattr(limit, "ge") else f"above {limit.gt:g}"
        if hasattr(limit, "le") or hasattr(limit, "lt"):
            upper = f"{limit.le:g}" if hasattr(limit, "le") else f"below {limit.lt:g}"
    return f"{lower} to {upper}" if lower and upper else ""


def _parse_unit(unit: Unit | str) -> Unit | str:
    return Unit(unit) if unit in set(Unit) else unit

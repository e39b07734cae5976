"""Build providers from TA-Lib's own description of its functions.

TA-Lib describes the inputs, parameters and outputs of each function, and how many candles precede
its first value. `TalibFunction` adds what it does not describe: units, and how long values depend
on where the input begins.

TA-Lib takes numbers near zero for zero. So prices and volumes are scaled by powers of two, which is
exact, before it gets them, and its results are scaled back.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import talib
from numpy.typing import NDArray
from pydantic import Field, create_model
from talib import abstract

from crypto_assets.analytics.provider import Panel, Params, Provider, provider
from crypto_assets.analytics.settling import SETTLED, candles_to_settle, ema_alpha, wilder_alpha
from crypto_assets.analytics.unit import Unit
from crypto_assets.market.intervals import Interval

_SAME_SCALE = "Output scale same as input"
MAX_PERIOD = 500
# An average of an average keeps a higher weight of its seed, by less than this factor per average.
_CASCADE = 100
# A ratio of averages is undefined if the last move has less weight than this.
_MIN_MOVE_WEIGHT = 1e-4
# Powers of two: the scale of the prices and volumes that TA-Lib gets.
_TARGET_EXPONENT = 16
_PROPER_NAMES = {"SAR", "A/D", "%R"}
_REAL_BOUNDS = {
    "vfactor": (0.0, 1.0),
    "acceleration": (0.001, 1.0),
    "maximum": (0.001, 1.0),
    "multiplier": (0.1, 20.0),
    "nbdev": (0.1, 10.0),
    "percentile": (0.0, 100.0),
}


class Memory(Enum):
    """What a value depends on beyond the candles before TA-Lib's first value."""

    NONE = "none"
    EMA = "exponential average"
    WILDER = "Wilder's average"
    FIXED = "fixed number of candles"
    ADAPTIVE = "adaptive average"


@dataclass(frozen=True)
class TalibFunction:
    """A function of TA-Lib with what its description lacks.

    `unit` is that of all outputs, by default quote units if TA-Lib says that they have the scale
    of the prices. `averages` is how many averages of averages there are, `candles` how many are
    needed with `Memory.FIXED`. `averaged` are the periods of these averages, by default all
    periods. If the value `is_ratio` of averages, it is undefined if the price has not changed for
    so long that the weight of the last move is negligible. Outputs in `omitted` are left out.
    """

    name: str
    title: str = ""
    unit: Unit | str = ""
    memory: Memory = Memory.NONE
    averages: int = 1
    averaged: tuple[str, ...] = ()
    candles: int = 0
    is_ratio: bool = False
    panel: Panel | None = None
    levels: tuple[float, ...] = ()
    omitted: tuple[str, ...] = ()


class TalibParams(Params):
    """Parameters of a function of TA-Lib, whose values depend on earlier candles."""

    spec: ClassVar[TalibFunction]
    names: ClassVar[Mapping[str, str]]  # TA-Lib's name of each parameter

    def warm_up(self, interval: Interval) -> int:
        lookback = find_lookback(self.spec.name, tuple(self.talib_values.items()))
        return lookback + _count_settling(self.spec, self._longest_average)

    @property
    def talib_values(self) -> dict[str, int | float]:
        return {theirs: getattr(self, ours) for ours, theirs in self.names.items()}

    @property
    def quiet_candles(self) -> int:
        """After how many candles without a move a ratio of averages is undefined."""
        return candles_to_settle(wilder_alpha(self._longest_average), _MIN_MOVE_WEIGHT)

    @property
    def _longest_average(self) -> int:
        averaged = self.spec.averaged or tuple(self.names)
        periods = [getattr(self, name) for name in averaged]
        return max((value for value in periods if isinstance(value, int)), default=1)


def build_talib_provider(spec: TalibFunction) -> Provider[pd.DataFrame]:
    """Build the provider of a function. Its name is TA-Lib's in lower case."""
    info = _describe_talib(spec.name).info
    same_scale = _SAME_SCALE in info["function_flags"]
    inputs = _list_inputs(info)
    outputs = [name for name in info["output_names"] if name not in spec.omitted]
    columns = {name: _name_column(spec, name) for name in outputs}
    unit = spec.unit or (Unit.QUOTE if same_scale else "")
    if not unit:
        raise ValueError(f"{spec.name}: give its unit, which TA-Lib does not describe")
    title = spec.title or _format_title(info["display_name"])
    function = _build_function(spec, inputs, info["output_names"], columns, unit)
    function.__name__ = function.__qualname__ = spec.name.lower()
    function.__doc__ = _describe_function(spec, title, inputs, info)
    params = _build_params(spec, info)
    function.__annotations__ = {
        "candles": pd.DataFrame,
        "params": params,
        "return": pd.DataFrame,
    }
    flags = info["output_flags"]
    bars = tuple(columns[name] for name in outputs if "Histogram" in flags[name])
    band = ("upper", "lower") if {"upper", "lower"} <= set(columns.values()) else None
    return provider(
        title=title,
        panel=spec.panel or (Panel.PRICE if same_scale else Panel.BELOW),
        columns=dict.fromkeys(columns.values(), unit),
        reads=tuple(inputs),
        bars=bars,
        levels=spec.levels,
        band=band,
        label=spec.name.replace("_", " "),
    )(function)


@lru_cache(maxsize=4096)
def find_lookback(name: str, values: tuple[tuple[str, int | float], ...]) -> int:
    """Return how many candles precede TA-Lib's first value; -1 for values that it rejects."""
    function = _describe_talib(name)
    function.parameters = dict(values)
    return int(function.lookback)


def _describe_talib(name: str) -> Any:
    """Return TA-Lib's description of a function, which its type hints lack."""
    return abstract.Function(name)  # type: ignore[attr-defined]


def _list_inputs(info: Mapping[str, Any]) -> list[str]:
    """Return the columns of candles in the order in which TA-Lib takes them."""
    inputs: list[str] = []
    for names in info["input_names"].values():
        inputs.extend([names] if isinstance(names, str) else names)
    return inputs


def _format_title(name: str) -> str:
    """`Double Exponential Moving Average` becomes `Double exponential moving average`."""
    first, *others = name.split(" ")
    return " ".join([first, *(word if word in _PROPER_NAMES else word.lower() for word in others)])


def _name_column(spec: TalibFunction, output: str) -> str:
    name = spec.name.lower()
    if output == "real":
        return name
    short = output.removesuffix("band").removeprefix(name)
    return short or output


def _build_params(spec: TalibFunction, info: Mapping[str, Any]) -> type[Params]:
    """Build the class of the parameters. A function of single candles has none."""
    # Which moving average a function uses stays as TA-Lib has it.
    defaults = {
        name: value for name, value in info["parameters"].items() if not name.endswith("matype")
    }
    names = {_name_parameter(name): name for name in defaults}
    fields: dict[str, Any] = {}
    for ours, theirs in names.items():
        default = defaults[theirs]
        if isinstance(default, int):
            low = _find_least_period(spec.name, theirs)
            fields[ours] = (
                int,
                Field(default, ge=low, le=MAX_PERIOD, description=_describe_period(ours)),
            )
        else:
            low_real, high_real = _REAL_BOUNDS[theirs]
            fields[ours] = (
                float,
                Field(default, ge=low_real, le=high_real, description=f"TA-Lib's {theirs}"),
            )
    is_single = not fields and find_lookback(spec.name, ()) == 0
    base: type[Params] = Params if is_single and spec.memory is Memory.NONE else TalibParams
    class_name = f"{spec.name.title().replace('_', '')}Params"
    params: type[Params] = create_model(class_name, __base__=base, __doc__=spec.name, **fields)
    if issubclass(params, TalibParams):
        params.spec, params.names = spec, names
    return params


def _name_parameter(name: str) -> str:
    """`timeperiod` becomes `period`, `fastperiod` becomes `fast_period`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?<!_)period", "_period", name.removeprefix("time"))
    return spaced.removeprefix("_")


def _describe_period(name: str) -> str:
    which = name.replace("period", "").strip("_").replace("_", " ")
    return f"candles of the {which} period" if which else "candles"


def _find_least_period(function: str, parameter: str) -> int:
    """Return the least value that TA-Lib accepts."""
    return next(
        period
        for period in range(1, MAX_PERIOD)
        if find_lookback(function, ((parameter, period),)) >= 0
    )


def _count_settling(spec: TalibFunction, period: int) -> int:
    """Return how many candles after the lookback a value is settled."""
    weight = SETTLED * (_MIN_MOVE_WEIGHT if spec.is_ratio else 1) / _CASCADE ** (spec.averages - 1)
    match spec.memory:
        case Memory.NONE:
            return 0
        case Memory.EMA:
            return candles_to_settle(ema_alpha(period), weight)
        case Memory.WILDER:
            return candles_to_settle(wilder_alpha(period), weight)
        case Memory.ADAPTIVE:
            # The usual weight of a random walk, whose moves over a period cancel out.
            usual = (0.6 / math.sqrt(period) + 0.06) ** 2
            return candles_to_settle(usual, weight)
        case Memory.FIXED:
            return spec.candles


def _build_function(
    spec: TalibFunction,
    inputs: list[str],
    outputs: list[str],
    columns: Mapping[str, str],
    unit: Unit | str,
) -> Callable[..., pd.DataFrame]:
    compute = getattr(talib, spec.name)

    def function(candles: pd.DataFrame, params: Params) -> pd.DataFrame:
        if candles.empty:
            return pd.DataFrame(columns=list(columns.values()), index=candles.index, dtype=float)
        scales = _find_scales(candles)
        arrays = [candles[name].to_numpy(np.float64) * scales[name == "volume"] for name in inputs]
        values = params.talib_values if isinstance(params, TalibParams) else {}
        results = compute(*arrays, **values)
        results = results if isinstance(results, tuple) else (results,)
        factor = _find_factor(unit, scales, has_volume="volume" in inputs)
        frame = pd.DataFrame(
            {
                columns[name]: _keep_finite(result) / factor
                for name, result in zip(outputs, results, strict=True)
                if name in columns
            },
            index=candles.index,
        )
        if spec.is_ratio and isinstance(params, TalibParams):
            return frame.where(_has_moved(candles, params.quiet_candles))
        return frame

    return function


def _find_scales(candles: pd.DataFrame) -> tuple[float, float]:
    """Return the powers of two by which prices and volumes are multiplied."""
    prices = next(candles[name] for name in ("close", "high", "open", "volume") if name in candles)
    volumes = candles.get("volume", prices)
    return _find_scale(prices), _find_scale(volumes)


def _find_scale(values: pd.Series) -> float:
    largest = float(values.abs().max())
    if not largest or not math.isfinite(largest):
        return 1.0
    return math.ldexp(1.0, _TARGET_EXPONENT - math.frexp(largest)[1])


def _find_factor(unit: Unit | str, scales: tuple[float, float], *, has_volume: bool) -> float:
    price, volume = scales
    if unit == Unit.QUOTE:
        return price * volume if has_volume else price
    return volume if unit == Unit.BASE else 1.0


def _keep_finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, np.nan)


def _has_moved(candles: pd.DataFrame, count: int) -> pd.Series:
    """Return where a price has changed within the last `count` candles."""
    prices = candles[[name for name in ("high", "low", "close") if name in candles]]
    moved = prices.diff().fillna(0.0).ne(0).any(axis=1)
    return moved.rolling(count, min_periods=1).max() > 0


def _describe_function(
    spec: TalibFunction, title: str, inputs: list[str], info: Mapping[str, Any]
) -> str:
    fixed = [name for name in info["parameters"] if name.endswith("matype")]
    parts = [f"Computed from {', '.join(inputs)} as in TA-Lib, {spec.name}."]
    if spec.memory is not Memory.NONE:
        parts.append(f"Settled, with the history before the first candle ({spec.memory.value}).")
    if spec.is_ratio:
        parts.append("Undefined if the price has been constant for so long that its moves have no")
        parts.append("weight.")
    if fixed:
        parts.append("The kinds of its averages are TA-Lib's defaults.")
    return f"{title}.\n\n" + "\n".join(parts)

"""Price alerts: a rule on closed candles, and the rule by which it fires."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from crypto_assets.market.intervals import Interval

CLOSE = "close"


class Comparison(StrEnum):
    """How the newest value is compared with the level.

    A value crosses a level if the value of the candle before was on the other side, or on it.
    """

    CROSSES_ABOVE = "crosses above"
    CROSSES_BELOW = "crosses below"
    ABOVE = "above"
    BELOW = "below"

    @property
    def is_cross(self) -> bool:
        """Whether the value of the candle before counts too."""
        return self in (Comparison.CROSSES_ABOVE, Comparison.CROSSES_BELOW)

    def is_met(self, previous: float | None, value: float, level: float) -> bool:
        """Return whether a value meets the condition; a cross needs the value before it."""
        if self is Comparison.ABOVE:
            return value > level
        if self is Comparison.BELOW:
            return value < level
        if previous is None:
            return False
        if self is Comparison.CROSSES_ABOVE:
            return previous <= level < value
        return previous >= level > value


@dataclass(frozen=True)
class PriceAlertRule:
    """What a rule compares: a column of an indicator, or the close, of one symbol and interval.

    `indicator` is the name of a provider, or `close`; `column` is one of its columns. A rule that
    does not repeat ends when it fires. `level` has the unit of the column.
    """

    symbol: str
    interval: Interval
    comparison: Comparison
    level: Decimal
    indicator: str = CLOSE
    column: str = CLOSE
    params: Mapping[str, object] = field(default_factory=dict)
    repeats: bool = True

    @property
    def condition(self) -> str:
        """The condition in words, such as `rsi (period 14) of 4h below 30`."""
        details = [f"{name} {value}" for name, value in self.params.items()]
        named = f" ({', '.join(details)})" if details else ""
        column = f" {self.column}" if self.column != self.indicator else ""
        return (
            f"{self.indicator}{column}{named} of {self.interval} {self.comparison} "
            f"{format_level(self.level)}"
        )


@dataclass(frozen=True)
class ClosedValue:
    """The value of a rule's column at a closed candle; None where it is undefined.

    `open_time` and `close_time` are those of the candle, in epoch ms.
    """

    open_time: int
    close_time: int
    value: float | None


@dataclass(frozen=True)
class RuleState:
    """How far a rule is evaluated: the open time of the last candle, in epoch ms.

    A rule is armed until it fires, and again once its condition is no longer met.
    """

    evaluated_open_time: int
    is_armed: bool = True
    is_active: bool = True


def evaluate_rule(
    rule: PriceAlertRule, state: RuleState, values: Iterable[ClosedValue]
) -> tuple[list[ClosedValue], RuleState]:
    """Return the candles at which a rule fires, and its state after the last of `values`.

    `values` are sorted by open time. Those up to `state.evaluated_open_time` only serve as the
    value before. A candle with an undefined value neither fires nor arms the rule, and the next
    candle crosses nothing.
    """
    fired: list[ClosedValue] = []
    previous: float | None = None
    evaluated, is_armed, is_active = state.evaluated_open_time, state.is_armed, state.is_active
    for candle in values:
        if candle.open_time > evaluated and is_active:
            evaluated = candle.open_time
            if candle.value is not None:
                is_met = rule.comparison.is_met(previous, candle.value, float(rule.level))
                if is_met and is_armed:
                    fired.append(candle)
                    is_active = rule.repeats
                is_armed = not is_met
        previous = candle.value
    return fired, RuleState(evaluated, is_armed, is_active)


def is_condition_met(
    rule: PriceAlertRule, values: Iterable[ClosedValue], open_time: int
) -> bool | None:
    """Return whether the candle that opens at `open_time` meets the condition.

    None if it, or for a cross the one before, has no value among `values`: it may have expired.
    """
    previous: float | None = None
    for candle in values:
        if candle.open_time == open_time:
            if candle.value is None or (previous is None and rule.comparison.is_cross):
                return None
            return rule.comparison.is_met(previous, candle.value, float(rule.level))
        previous = candle.value
    return None


def format_value(value: float) -> str:
    """Format a value with ten significant digits."""
    return format_level(Decimal(f"{value:.10g}"))


def format_level(level: Decimal) -> str:
    """Format a level with thousands separators and without trailing zeros."""
    whole, _, fraction = f"{level:,f}".partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole

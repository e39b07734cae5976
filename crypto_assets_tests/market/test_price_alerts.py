"""When a price alert fires: by hand-written sequences of values."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.price_alerts import (
    ClosedValue,
    Comparison,
    PriceAlertRule,
    RuleState,
    evaluate_rule,
    format_level,
    is_condition_met,
)

ABOVE, BELOW = Comparison.ABOVE, Comparison.BELOW
UP, DOWN = Comparison.CROSSES_ABOVE, Comparison.CROSSES_BELOW


def make_rule(comparison: Comparison, *, repeats: bool = True) -> PriceAlertRule:
    return PriceAlertRule("BTCUSDT", Interval.M1, comparison, Decimal(10), repeats=repeats)


def make_values(values: Sequence[float | None]) -> list[ClosedValue]:
    return [ClosedValue(n, n, value) for n, value in enumerate(values)]


@pytest.mark.parametrize(
    ("comparison", "values", "expected"),
    [
        (UP, [9, 11, 12, 9, 11], [1, 4]),
        (UP, [10, 11], [1]),  # from the level itself
        (UP, [9, 10, 10, 9], []),  # it only touches the level
        (UP, [11, 12], []),  # nothing before the first value
        (UP, [9, None, 11], []),  # undefined between: no value before
        (DOWN, [11, 9, 8, 11, 10, 9], [1, 5]),
        (ABOVE, [11, 12, 9, 11], [0, 3]),  # armed again once it is no longer above
        (ABOVE, [10, 10.5, None, 10.6], [1]),  # an undefined value arms nothing
        (BELOW, [9, 10, 9], [0, 2]),
    ],
)
def test_the_candles_at_which_a_rule_fires(
    comparison: Comparison, values: Sequence[float | None], expected: list[int]
) -> None:
    fired, state = evaluate_rule(make_rule(comparison), RuleState(-1), make_values(values))
    assert [candle.open_time for candle in fired] == expected
    assert state.is_active and state.evaluated_open_time == len(values) - 1


@pytest.mark.parametrize("comparison", Comparison)
def test_parts_of_a_series_fire_as_the_whole_does(comparison: Comparison) -> None:
    values = make_values([9, 11, 10, 12, 9, None, 8, 10, 11, 9, 9, 15])
    whole, end = evaluate_rule(make_rule(comparison), RuleState(-1), values)
    parts, state = [], RuleState(-1)
    for count in range(1, len(values) + 1):
        fired, state = evaluate_rule(make_rule(comparison), state, values[:count])
        parts += fired
    assert parts == whole and state == end
    assert whole, "the series must meet every condition"


def test_a_rule_that_does_not_repeat_ends_when_it_fires() -> None:
    rule = make_rule(UP, repeats=False)
    fired, state = evaluate_rule(rule, RuleState(-1), make_values([9, 11, 9, 11]))
    assert [candle.open_time for candle in fired] == [1]
    assert not state.is_active
    assert evaluate_rule(rule, state, make_values([9, 11, 9, 11])) == ([], state)


def test_whether_a_candle_meets_the_condition() -> None:
    rule, values = make_rule(UP), make_values([9, 11, 12])
    # The first one has none before, and the last one does not exist.
    expected = [None, True, False, None]
    assert [is_condition_met(rule, values, time) for time in range(4)] == expected
    assert is_condition_met(make_rule(ABOVE), values, 0) is False
    assert is_condition_met(make_rule(ABOVE), make_values([None]), 0) is None


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("75000", "75,000"),
        ("75000.50", "75,000.5"),
        ("0.00001230", "0.0000123"),
        ("-1E+3", "-1,000"),
    ],
)
def test_levels_are_plain_decimals(level: str, expected: str) -> None:
    assert format_level(Decimal(level)) == expected


def test_a_condition_names_indicator_parameters_and_interval() -> None:
    rule = PriceAlertRule("BTCUSDT", Interval.H4, BELOW, Decimal(30), "rsi", "rsi", {"period": 14})
    assert rule.condition == "rsi (period 14) of 4h below 30"
    assert make_rule(UP).condition == "close of 1m crosses above 10"

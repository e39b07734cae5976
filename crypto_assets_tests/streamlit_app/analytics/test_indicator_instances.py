"""Instances of indicators: their parameters, colors and widths are in the address."""

from collections.abc import Mapping, Sequence

import pytest

from crypto_assets.analytics.registry import find_providers
from crypto_assets.errors import WrongUse
from streamlit_app.analytics.indicator_instances import (
    MAX_INSTANCES,
    IndicatorInstance,
    QueryChanges,
    build_addition,
    build_parameter_change,
    build_removal,
    build_reset,
    build_style_change,
    choose_symbol_colors,
    parse_instances,
)
from streamlit_app.colors import LINE_COLORS

PROVIDERS = {name: find_providers()[name] for name in ("bollinger", "ema", "macd", "rsi", "sma")}
Query = dict[str, list[str]]


def parse(**query: str) -> dict[str, IndicatorInstance]:
    """Parse an address whose keys have `__` for a dot."""
    address = {name.replace("__", "."): [value] for name, value in query.items()}
    return {each.key: each for each in parse_instances(address, PROVIDERS)}


def apply(query: Mapping[str, Sequence[str]], changes: QueryChanges) -> Query:
    changed = {name: list(values) for name, values in query.items()}
    for name, value in changes.items():
        changed.pop(name, None)
        if value is not None:
            changed[name] = [value]
    return changed


def test_addresses_of_earlier_versions_mean_the_same() -> None:
    found = parse(sma_period="7", ema="false", macd="true", macd_fast_period="5")
    assert list(found) == ["macd", "rsi", "sma"]
    assert dict(found["sma"].params) == {"period": 7}
    assert dict(found["macd"].params)["fast_period"] == 5
    assert list(parse()) == ["ema", "rsi", "sma"], "on by default"


def test_several_instances_of_one_kind() -> None:
    found = parse(ema_period="20", ema__2="true", ema__2_period="50", ema__3_period="200")
    assert [dict(found[key].params)["period"] for key in ("ema", "ema.2", "ema.3")] == [20, 50, 200]
    assert len({found[key].color for key in ("ema", "ema.2", "ema.3")}) == 3
    assert "ema.3" not in parse(ema__3="false", ema__3_period="200")


def test_color_width_and_visibility() -> None:
    found = parse(ema__color="red", ema__width="3", ema__hidden="true")["ema"]
    assert (found.color, found.width, found.is_hidden, found.is_drawn) == ("red", 3.0, True, False)
    assert found.list_colors(2) == (LINE_COLORS["red"], LINE_COLORS["iris"])


@pytest.mark.parametrize("others", [{}, {"bollinger": "true"}, {"sma": "false", "macd": "true"}])
def test_a_color_does_not_depend_on_other_indicators(others: dict[str, str]) -> None:
    assert parse(**others)["ema"].color == parse()["ema"].color
    assert parse(**others, rsi="false")["ema"].color == parse()["ema"].color


@pytest.mark.parametrize(
    ("query", "key", "reason"),
    [
        ({"ema_period": "700"}, "ema", "period must be 1 to 500, not 700"),
        ({"rsi_period": "1"}, "rsi", "period must be 2 to 100, not 1"),
        ({"sma_period": "x"}, "sma", "valid integer"),
        ({"macd": "true", "macd_fast_period": "30"}, "macd", "must be below slow_period (26)"),
        ({"ema__color": "pink"}, "ema", "color must be one of violet"),
        ({"ema__width": "90"}, "ema", "width must be 0.5 to 6, not '90'"),
        ({"bollinger": "true", "bollinger_std": "0"}, "bollinger", "std must be above 0 to 10"),
    ],
)
def test_a_value_that_is_not_valid_is_an_error_of_its_instance(
    query: dict[str, str], key: str, reason: str
) -> None:
    found = parse(**query)
    assert reason in found[key].error and not found[key].is_drawn
    assert [each.error for each in found.values() if each.key != key] == [""] * (len(found) - 1)


def test_valid_parameters_beside_a_wrong_one_are_kept() -> None:
    found = parse(macd="true", macd_fast_period="30", macd_signal_period="4")["macd"]
    assert dict(found.params) == {"fast_period": 30, "slow_period": 26, "signal_period": 4}


def test_moving_averages_have_the_same_bounds() -> None:
    for name in ("ema", "sma"):
        assert not parse(**{f"{name}_period": "500"})[name].error
        assert parse(**{f"{name}_period": "501"})[name].error


def test_an_added_instance_has_a_color_of_its_own() -> None:
    query: Query = {}
    for _ in range(3):
        instances = parse_instances(query, PROVIDERS)
        query = apply(query, build_addition(query, PROVIDERS["bollinger"], instances))
        query = apply(query, build_addition(query, PROVIDERS["ema"], instances))
    found = parse_instances(query, PROVIDERS)
    assert [each.key for each in found if each.provider == "ema"] == [
        "ema",
        "ema.2",
        "ema.3",
        "ema.4",
    ]
    drawn = [each.color for each in found if each.provider in ("ema", "sma")]
    assert len(set(drawn)) == len(drawn)


def test_removal_leaves_nothing_of_an_instance() -> None:
    query = {"ema.2": ["true"], "ema.2_period": ["50"], "ema.2.color": ["red"], "interval": ["4h"]}
    assert apply(query, build_removal(query, PROVIDERS["ema"], 2)) == {"interval": ["4h"]}
    assert apply({}, build_removal({}, PROVIDERS["ema"], 1)) == {"ema": ["false"]}
    readded = build_addition({"ema": ["false"]}, PROVIDERS["ema"], ())
    assert apply({"ema": ["false"]}, readded) == {}


def test_changes_to_defaults_are_not_in_the_address() -> None:
    (ema,) = (each for each in parse_instances({}, PROVIDERS) if each.key == "ema")
    assert build_parameter_change(PROVIDERS["ema"], "ema", "period", 20) == {"ema_period": None}
    assert build_parameter_change(PROVIDERS["ema"], "ema.2", "period", 9) == {"ema.2_period": "9"}
    assert build_style_change(ema, color=ema.color) == {"ema.color": None}
    assert build_style_change(ema, width=3.0, is_hidden=True) == {
        "ema.width": "3",
        "ema.hidden": "true",
    }


def test_a_reset_leaves_everything_else() -> None:
    query = {"ema.2": ["true"], "rsi_period": ["9"], "ema.color": ["red"], "symbol": ["BTCUSDT"]}
    assert apply(query, build_reset(query, PROVIDERS)) == {"symbol": ["BTCUSDT"]}


def test_too_many_instances_are_refused() -> None:
    many = {f"ema__{number}": "true" for number in range(2, MAX_INSTANCES + 2)}
    with pytest.raises(WrongUse, match=f"at most {MAX_INSTANCES} indicators"):
        parse(**many)


def test_a_symbol_keeps_its_color_and_never_has_that_of_a_line() -> None:
    instances = parse_instances({}, PROVIDERS)
    symbols = ["ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT"]
    colors = choose_symbol_colors(symbols, instances)
    lines = {LINE_COLORS[each.color] for each in instances}
    assert len(set(colors.values()) | lines) == len(symbols) + len(lines)
    assert choose_symbol_colors(["ETHUSDT"], instances)["ETHUSDT"] == colors["ETHUSDT"]

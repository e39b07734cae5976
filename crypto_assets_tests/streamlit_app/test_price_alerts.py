"""The page Alerts without a browser: price alerts, and their log."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.price_alerts import ClosedValue, Comparison, PriceAlertRule, RuleState
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window, floor_ms, now_ms
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.streamlit_app.conftest import RunApp, make_home
from crypto_assets_tests.streamlit_app.test_analytics import chart_of
from crypto_assets_tests.streamlit_app.test_pages import texts_of

pytestmark = pytest.mark.slow  # each page takes a second

ALERTS = "app_pages/alerts.py"


@pytest.mark.usefixtures("as_operator")
def test_an_alert_is_added_and_shown(run_app: RunApp, tmp_path: Path) -> None:
    warehouse = make_home(tmp_path)
    app = run_app(tmp_path, ALERTS)
    assert "No price alerts" in texts_of(app) and "No alert has fired" in texts_of(app)
    names = app.selectbox(key="alert_value").options
    assert {"Relative strength index (RSI)", "MACD: signal", "Volatility"} <= set(names)
    app.selectbox(key="alert_value").select(("rsi", "rsi")).run()
    period = app.number_input(key="alert_rsi_period")
    assert (period.min, period.max) == (2, 100), "those of the parameter"
    period.set_value(10)
    app.selectbox(key="alert_interval").select("4h")
    app.selectbox(key="alert_comparison").select("below")
    app.text_input(key="alert_level").input("30").run()
    app.button(key="add_alert").click().run()
    assert not app.exception
    assert [toast.value for toast in app.toast] == [
        "Alert added: BTCUSDT rsi (period 10) of 4h below 30."
    ]
    (stored,) = warehouse.price_alerts.list_rules()
    rule = stored.rule
    assert (rule.symbol, rule.interval, rule.indicator) == ("BTCUSDT", Interval.H4, "rsi")
    assert (rule.comparison, f"{rule.level}", rule.params) == (
        Comparison.BELOW,
        "30",
        {"period": 10},
    )
    assert "rsi (period 10) of 4h below 30, every time" in texts_of(app)
    warehouse.price_alerts.record_evaluation(
        stored, RuleState(1, is_armed=False), [ClosedValue(0, 14_399_999, 29.5)], 14_400_000
    )
    app = run_app(tmp_path, ALERTS)
    (log,) = [table.value for table in app.dataframe]
    assert log["condition"].tolist() == ["rsi (period 10) of 4h below 30"]
    assert log["delivery"].tolist() == ["waiting to be sent"]
    app.button(key=f"delete_{stored.rule_id}").click().run()
    assert "is no longer evaluated" in texts_of(app)
    assert app.button(key="confirm").label == "Delete"


@pytest.mark.usefixtures("as_operator")
def test_a_level_that_is_no_number_is_refused(run_app: RunApp, tmp_path: Path) -> None:
    warehouse = make_home(tmp_path)
    app = run_app(tmp_path, ALERTS)
    app.text_input(key="alert_level").input("many").run()
    app.button(key="add_alert").click().run()
    assert "The level 'many' is not a number" in texts_of(app)
    assert warehouse.price_alerts.list_rules() == []


def test_the_chart_has_the_levels_that_it_can_show(run_app: RunApp, tmp_path: Path) -> None:
    """Prices always; those of an indicator's pane if the chart has it with these parameters."""
    warehouse = make_home(tmp_path)
    until = floor_ms(now_ms(), HOUR_MS)
    load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until - DAY_MS, until)))
    rules = [
        PriceAlertRule("BTCUSDT", Interval.H4, Comparison.CROSSES_BELOW, Decimal(75_000)),
        rsi := PriceAlertRule(
            *("BTCUSDT", Interval.H1, Comparison.BELOW, Decimal(30), "rsi", "rsi", {"period": 14}),
        ),
        replace(rsi, params={"period": 21}),
        replace(rsi, indicator="ema", column="ema", params={"period": 9}, level=Decimal("7.5")),
        replace(rsi, symbol="SHIBUSDT"),
    ]
    stored = [warehouse.price_alerts.add_rule(rule, 0, "tester") for rule in rules]
    shown = chart_of(run_app(tmp_path, "app_pages/analytics.py"))
    assert sorted(shown["alerts"], key=lambda line: -line["level"]) == [
        {"pane": "", "level": 75_000, "text": "crosses below 75,000, 4h"},
        {"pane": "rsi", "level": 30, "text": "rsi below 30, 1h"},
        {"pane": "", "level": 7.5, "text": "ema below 7.5, 1h"},
    ]
    assert shown["can_write"] is False
    warehouse.price_alerts.delete_rule(stored[0].rule_id)
    ended = RuleState(1, is_armed=False, is_active=False)
    warehouse.price_alerts.record_evaluation(stored[3], ended, [], 0)
    shown = chart_of(run_app(tmp_path, "app_pages/analytics.py"))
    assert [line["pane"] for line in shown["alerts"]] == ["rsi"]


def test_a_viewer_cannot_add_or_delete(run_app: RunApp, tmp_path: Path) -> None:
    stored = add_rule(make_home(tmp_path))
    app = run_app(tmp_path, ALERTS)
    assert app.button(key="add_alert").disabled
    assert app.button(key=f"delete_{stored}").disabled


def add_rule(warehouse: Warehouse) -> str:
    rule = PriceAlertRule("BTCUSDT", Interval.H1, Comparison.ABOVE, Decimal(1))
    return warehouse.price_alerts.add_rule(rule, 0, "tester").rule_id

"""The page Alerts without a browser: price alerts, and their log."""

from decimal import Decimal
from pathlib import Path

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.price_alerts import ClosedValue, Comparison, PriceAlertRule, RuleState
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.streamlit_app.conftest import RunApp, make_home
from crypto_assets_tests.streamlit_app.test_pages import texts_of

pytestmark = pytest.mark.slow  # each page takes a second

ALERTS = "app_pages/alerts.py"


@pytest.mark.usefixtures("as_operator")
def test_an_alert_is_added_and_shown(run_app: RunApp, tmp_path: Path) -> None:
    warehouse = make_home(tmp_path)
    app = run_app(tmp_path, ALERTS)
    assert "No price alerts" in texts_of(app) and "No alert has fired" in texts_of(app)
    app.selectbox(key="alert_value").select(("rsi", "rsi")).run()
    app.number_input(key="alert_rsi_period").set_value(10)
    app.selectbox(key="alert_interval").select("4h")
    app.selectbox(key="alert_comparison").select("below")
    app.text_input(key="alert_level").input("30").run()
    app.button(key="add_alert").click().run()
    assert not app.exception
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


def test_a_viewer_cannot_add_or_delete(run_app: RunApp, tmp_path: Path) -> None:
    stored = add_rule(make_home(tmp_path))
    app = run_app(tmp_path, ALERTS)
    assert app.button(key="add_alert").disabled
    assert app.button(key=f"delete_{stored}").disabled


def add_rule(warehouse: Warehouse) -> str:
    rule = PriceAlertRule("BTCUSDT", Interval.H1, Comparison.ABOVE, Decimal(1))
    return warehouse.price_alerts.add_rule(rule, 0, "tester").rule_id

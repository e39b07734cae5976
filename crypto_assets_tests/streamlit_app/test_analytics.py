"""The page Analytics without a browser: figures, notes, and query parameters."""

import importlib
import json
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import crypto_assets.analytics.providers as package
from crypto_assets.market.candles import KlineRow, table_from_rows
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, day_of, floor_ms, now_ms
from crypto_assets_tests.reports.stock import describe, load
from crypto_assets_tests.streamlit_app.conftest import RunApp, make_home
from crypto_assets_tests.streamlit_app.test_pages import ANALYTICS, texts_of

pytestmark = pytest.mark.slow  # each page takes a second

NEW_PANE = '''
"""Heat: the rank of the close in its recent range."""

import pandas as pd
from pydantic import Field

from crypto_assets.analytics.provider import Panel, Params, provider


class HeatParams(Params):
    period: int = Field(5, ge=2, le=9, description="candles")


@provider(title="Heat of the market", panel=Panel.BELOW, columns={"heat": "0 to 100"})
def heat(candles: pd.DataFrame, params: HeatParams) -> pd.DataFrame:
    """Rank of the close in its recent range."""
    recent = candles["close"].rolling(params.period)
    return pd.DataFrame({"heat": recent.rank(pct=True) * 100})
'''


def figure_of(app: AppTest) -> str:
    """Return the figure of the candle chart, which is the first component."""
    return str(json.loads(app.get("bidi_component")[0].proto.json)["figure"])


def day_summary_of(app: AppTest) -> str:
    """Return the HTML of the 24-hour summary."""
    bodies = [element.proto.body for element in app.get("html")]
    (summary,) = [body for body in bodies if 'class="day"' in body]
    return str(summary)


def test_analytics_draws_the_newest_week_in_hours(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS)
    assert not app.exception
    text = texts_of(app)
    assert "168 candles of 1h" in text
    assert "Missing, not explained yet" in text
    assert "The last candle (hollow) is still forming" in text
    figure = figure_of(app)
    assert '"name":"SMA 20"' in figure and '"name":"EMA 20"' in figure


def test_the_first_hour_is_marked_as_partial(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS, symbol="SHIBUSDT", range="All", interval="1h")
    assert "The first candle (faded) is partial" in texts_of(app)
    assert "partial: its beginning is not stored" in figure_of(app)
    later = run_app(stocked_home, ANALYTICS, symbol="SHIBUSDT", range="6h", interval="5m")
    assert "partial" not in texts_of(later)


@pytest.mark.parametrize(
    ("tick", "price", "last"),
    [
        ("0.0001", "0.00001675", "0.00001675"),
        ("0.01", "0.5432", "0.5432"),
        ("0.01", "61.5", "61.50"),
    ],
)
def test_prices_have_the_decimals_that_they_need(
    run_app: RunApp, tmp_path: Path, tick: str, price: str, last: str
) -> None:
    """In the chart, in the summary, and on the dashboard, whatever the tick size is."""
    warehouse = make_home(tmp_path, ())
    warehouse.symbols.register_symbols([replace(describe("SHIBUSDT"), tick_size=Decimal(tick))])
    start = floor_ms(now_ms(), DAY_MS) - DAY_MS
    rows: list[KlineRow] = [
        [at, *[price] * 4, "5", at + MINUTE_MS - 1, "1", 1, "2", "1", "0"]
        for at in range(start, start + DAY_MS, MINUTE_MS)
    ]
    load(warehouse, "SHIBUSDT", table_from_rows(rows))
    warehouse.close()
    app = run_app(tmp_path, ANALYTICS, symbol="SHIBUSDT", range="All", interval="1h")
    assert f">{last}<" in day_summary_of(app)
    assert f'"text":"{last}"' in figure_of(app)
    tile = run_app(tmp_path)
    assert tile.metric[0].value == last
    assert f"Low {last}, high {last}" in texts_of(tile)


def test_query_parameters_choose_symbol_interval_range_and_indicators(
    run_app: RunApp, stocked_home: Path
) -> None:
    app = run_app(
        stocked_home,
        ANALYTICS,
        symbol="SHIBUSDT",
        interval="5m",
        range="6h",
        sma_period="7",
        ema="false",
    )
    assert app.selectbox(key="symbol").value == "SHIBUSDT"
    assert "72 candles of 5m" in texts_of(app)
    figure = figure_of(app)
    assert '"name":"SMA 7"' in figure and "EMA" not in figure
    assert "SHIB / USDT" in day_summary_of(app)


def test_another_interval_is_drawn(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS)
    app.segmented_control(key="interval").set_value(Interval.M15).run()
    assert not app.exception
    assert "672 candles of 15m" in texts_of(app)


def test_a_range_too_long_for_its_interval_is_drawn_coarser(
    run_app: RunApp, stocked_home: Path
) -> None:
    app = run_app(stocked_home, ANALYTICS, interval="1m", range="1w")
    assert "Showing 5m: 1m is too fine for this range" in texts_of(app)
    assert "2,016 candles of 5m" in texts_of(app)


def test_switches_and_periods_change_the_lines(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS)
    app.toggle(key="sma").set_value(False)
    app.toggle(key="bollinger").set_value(True)
    app.number_input(key="ema_period").set_value(50).run()
    figure = figure_of(app)
    assert '"name":"EMA 50"' in figure and '"name":"Bollinger 20 2"' in figure
    assert "SMA" not in figure


def test_invalid_query_parameters_fall_back_to_the_defaults(
    run_app: RunApp, stocked_home: Path
) -> None:
    app = run_app(stocked_home, ANALYTICS, symbol="NOPE", interval="7m", range="x", sma_period="-4")
    assert not app.exception
    assert "168 candles of 1h" in texts_of(app)
    assert '"name":"SMA 20"' in figure_of(app)


def test_a_new_provider_file_appears_without_other_changes(
    run_app: RunApp, stocked_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "heat.py").write_text(NEW_PANE)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    app = run_app(stocked_home, ANALYTICS, heat="true", heat_period="3")
    assert not app.exception
    assert app.toggle(key="heat").label == "Heat of the market"
    assert app.number_input(key="heat_period").max == 9
    figure = json.loads(figure_of(app))
    lines = {trace["name"]: trace for trace in figure["data"] if trace["type"] == "scatter"}
    axis = lines["HEAT 3"]["yaxis"].replace("y", "yaxis")
    assert figure["layout"][axis]["range"] == [0, 100]
    del sys.modules[f"{package.__name__}.heat"]


def test_inconsistent_parameters_disable_one_provider_only(
    run_app: RunApp, stocked_home: Path
) -> None:
    app = run_app(stocked_home, ANALYTICS, macd="true", macd_fast_period="30", correlation="true")
    assert not app.exception
    assert "**Cannot draw MACD.**" in texts_of(app) and "below slow_period (26)" in texts_of(app)
    figure = figure_of(app)
    assert '"name":"SMA 20"' in figure and '"name":"Correlation BTCUSDT 30"' in figure
    assert "MACD" not in figure


def test_a_reset_restores_the_defaults(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS, sma_period="7", bollinger="true")
    app.button(key="reset_sma").click().run()
    assert '"name":"SMA 20"' in figure_of(app)
    app.button(key="reset_price").click().run()
    assert app.toggle(key="bollinger").value is False
    assert not app.exception


def test_compared_symbols_share_a_percent_scale(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS, compare="SHIBUSDT")
    figure = json.loads(figure_of(app))
    assert figure["layout"]["yaxis"]["tickformat"] == "+.3~%"
    assert "SHIBUSDT" in [trace["name"] for trace in figure["data"]]


def test_chosen_dates_are_drawn_or_explained(run_app: RunApp, stocked_home: Path) -> None:
    yesterday = day_of(now_ms() - DAY_MS).isoformat()
    query = {"symbol": "SHIBUSDT", "range": "Dates"}
    app = run_app(stocked_home, ANALYTICS, **query, dates=[yesterday, yesterday])
    assert "24 candles of 1h" in texts_of(app)
    app = run_app(stocked_home, ANALYTICS, **query, dates=["2024-01-01", "2024-01-02"])
    assert "No candles of SHIBUSDT in this range" in texts_of(app)
    assert not app.exception


def test_a_symbol_without_candles_has_a_date_input(run_app: RunApp, tmp_path: Path) -> None:
    make_home(tmp_path, ("BTCUSDT",)).close()
    app = run_app(tmp_path, ANALYTICS, symbol="BTCUSDT", range="Dates")
    assert not app.exception
    assert app.date_input(key="dates").value[-1] == day_of(now_ms())
    assert "No candles of BTCUSDT yet" in texts_of(app)


def test_the_view_parameter_chooses_the_interval(run_app: RunApp, stocked_home: Path) -> None:
    end = now_ms() // 1000
    app = run_app(stocked_home, ANALYTICS, interval="1m", range="All", view=f"{end - 3600}-{end}")
    assert "candles of 1m" in texts_of(app)
    app = run_app(stocked_home, ANALYTICS, interval="1m", range="All", view="9-3")
    assert "is too fine for this range" in texts_of(app), "an invalid view is ignored"

"""The page Analytics without a browser: figures, notes, and query parameters."""

import importlib
import json
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import crypto_assets.analytics.providers as package
from crypto_assets.market.candles import KlineRow, table_from_rows
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, day_of, floor_ms, now_ms
from crypto_assets_tests.reports.stock import describe, load
from crypto_assets_tests.streamlit_app.conftest import RunApp, make_home
from crypto_assets_tests.streamlit_app.test_pages import ANALYTICS, texts_of
from streamlit_app.data.ranges import MAX_READ_CANDLES
from streamlit_app.figures.float_arrays import decode_floats
from streamlit_app.format.decimal_places import DecimalPlaces

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


def chart_of(app: AppTest) -> dict[str, Any]:
    """Return the data of the candle chart."""
    parts = [json.loads(one.proto.json) for one in app.get("bidi_component")]
    (chart,) = (part for part in parts if "content" in part)
    return chart | json.loads(chart["content"])


def lines_of(app: AppTest) -> list[str]:
    """List the names of the chart's lines and panes."""
    chart = chart_of(app)
    return [one["name"] for one in [*chart["compared"], *chart["overlays"], *chart["panes"]]]


def day_summary_of(app: AppTest) -> str:
    """Return the HTML of the 24-hour summary."""
    bodies = [element.proto.body for element in app.get("html")]
    (summary,) = [body for body in bodies if 'class="day"' in body]
    return str(summary)


def test_analytics_draws_the_newest_week_in_hours(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS)
    assert not app.exception
    text = texts_of(app)
    assert "166 candles of 1h" in text, "of 168 hours, two are missing"
    assert "Missing, not explained yet" in text
    assert "The last candle (hollow) is still forming" in text
    assert lines_of(app) == ["EMA 20", "SMA 20", "RSI 14"]


def test_the_first_hour_is_marked_as_partial(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS, symbol="SHIBUSDT", range="All", interval="1h")
    assert "The first candle (faded) is partial" in texts_of(app)
    assert decode_floats(chart_of(app)["columns"]["state"])[0] == 2
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
    chart = chart_of(app)
    assert chart["last"][2] == float(price)
    places = DecimalPlaces(chart["format"]["min_digits"], chart["format"]["digits"])
    assert places.format_value(float(price)) == last
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
    assert lines_of(app) == ["SMA 7", "RSI 14"]
    assert "SHIB / USDT" in day_summary_of(app)


def test_another_interval_is_drawn(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS)
    app.segmented_control(key="interval").set_value(Interval.M15).run()
    assert not app.exception
    assert "664 candles of 15m" in texts_of(app)


def test_the_chosen_interval_stays_in_any_range(run_app: RunApp, stocked_home: Path) -> None:
    """The range only decides the first view; of a wide one, the newest candles are read first."""
    app = run_app(stocked_home, ANALYTICS, interval="1m", range="1w")
    chart = chart_of(app)
    assert chart["interval"] == "1m"
    assert chart["home"][1] - chart["home"][0] == 7 * DAY_MS
    assert chart["window"][1] - chart["window"][0] == MAX_READ_CANDLES * MINUTE_MS
    assert chart["window"][1] >= chart["stored"][1]
    assert "too fine" not in texts_of(app)


def test_switches_and_periods_change_the_lines(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS)
    app.toggle(key="sma").set_value(False)
    app.toggle(key="bollinger").set_value(True)
    app.number_input(key="ema_period").set_value(50).run()
    assert lines_of(app) == ["Bollinger 20 2", "EMA 50", "RSI 14"]


def test_invalid_query_parameters_fall_back_to_the_defaults(
    run_app: RunApp, stocked_home: Path
) -> None:
    app = run_app(stocked_home, ANALYTICS, symbol="NOPE", interval="7m", range="x", sma_period="-4")
    assert not app.exception
    assert "166 candles of 1h" in texts_of(app)
    assert "SMA 20" in lines_of(app)


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
    panes = {pane["name"]: pane for pane in chart_of(app)["panes"]}
    assert panes["HEAT 3"]["range"] == [0, 100]
    del sys.modules[f"{package.__name__}.heat"]


def test_inconsistent_parameters_disable_one_provider_only(
    run_app: RunApp, stocked_home: Path
) -> None:
    app = run_app(stocked_home, ANALYTICS, macd="true", macd_fast_period="30", correlation="true")
    assert not app.exception
    assert "**Cannot draw MACD.**" in texts_of(app) and "below slow_period (26)" in texts_of(app)
    assert {"SMA 20", "Correlation BTCUSDT 30"} <= set(lines_of(app))
    assert not any("MACD" in name for name in lines_of(app))


def test_a_reset_restores_the_defaults(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS, sma_period="7", bollinger="true")
    app.button(key="reset_sma").click().run()
    assert "SMA 20" in lines_of(app)
    app.button(key="reset_price").click().run()
    assert app.toggle(key="bollinger").value is False
    assert not app.exception


def test_compared_symbols_are_lines_of_the_chart(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS, compare="SHIBUSDT")
    (line,) = chart_of(app)["compared"]
    closes = decode_floats(line["values"])
    assert line["name"] == "SHIBUSDT"
    assert closes.size == decode_floats(chart_of(app)["times"]).size and closes[-1] > 0


def test_chart_type_scale_and_zone_are_query_parameters(
    run_app: RunApp, stocked_home: Path
) -> None:
    app = run_app(stocked_home, ANALYTICS, type="Heikin-Ashi", scale="log", tz="Asia/Kolkata")
    chart = chart_of(app)
    assert (chart["type"], chart["scale"], chart["zone"]) == ("heikin-ashi", "log", "Asia/Kolkata")
    assert "Kolkata time" in texts_of(app)
    app = run_app(stocked_home, ANALYTICS, tz="Mars/Olympus")
    assert "**Unknown time zone: Mars/Olympus.** Times are in UTC." in texts_of(app)


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


def test_the_view_parameter_keeps_the_interval(run_app: RunApp, stocked_home: Path) -> None:
    end = now_ms() // 1000
    view = f"{end - 3600}-{end}"
    app = run_app(stocked_home, ANALYTICS, interval="1m", range="All", view=view)
    assert chart_of(app)["view"] == [(end - 3600) * 1000, end * 1000]
    assert "candles of 1m" in texts_of(app)
    app = run_app(stocked_home, ANALYTICS, interval="1m", range="All", view="9-3")
    assert chart_of(app)["view"] is None, "an invalid view is ignored"


def test_the_last_price_is_the_newest_one_in_any_view(run_app: RunApp, stocked_home: Path) -> None:
    newest = chart_of(run_app(stocked_home, ANALYTICS, interval="15m"))["last"]
    end = newest[0] // 1000 - 4 * 86_400
    app = run_app(stocked_home, ANALYTICS, interval="15m", view=f"{end - 86_400}-{end}")
    chart = chart_of(app)
    assert chart["last"] == newest
    assert chart["window"][1] < newest[0], "the newest candle is not among those that are read"

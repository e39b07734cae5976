"""The page Analytics without a browser: figures, notes, and query parameters."""

import importlib
import json
import re
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

import crypto_assets.analytics.providers as package
from crypto_assets.market.candles import KlineRow, table_from_rows
from crypto_assets.market.chart_drawings import ChartDrawing, DrawingKind
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_of,
    floor_ms,
    now_ms,
)
from crypto_assets_tests.reports.stock import describe, generated, load
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


def list_charts(app: AppTest) -> list[dict[str, Any]]:
    """List the data of all charts; the frame of the page has a component without one."""
    parts = [json.loads(one.proto.json or "{}") for one in app.get("bidi_component")]
    return [part for part in parts if {"content", "figure"} & set(part)]


def chart_of(app: AppTest) -> dict[str, Any]:
    """Return the data of the candle chart."""
    (chart,) = (chart for chart in list_charts(app) if "content" in chart)
    return chart | json.loads(chart["content"])


def lines_of(app: AppTest) -> dict[str, dict[str, Any]]:
    """Return the chart's compared symbols, lines and panes by their name."""
    chart = chart_of(app)
    return {one["name"]: one for one in [*chart["compared"], *chart["overlays"], *chart["panes"]]}


def colors_of(app: AppTest) -> dict[str, str]:
    """Return the color of each compared symbol, line and pane by its name."""
    return {
        name: one["color"] if "color" in one else one["lines"][0]["color"]
        for name, one in lines_of(app).items()
    }


def query_of(app: AppTest) -> dict[str, str]:
    """Return the address."""
    return {
        name: values[0] if isinstance(values, list) else values
        for name, values in app.query_params.items()
    }


def picked_interval_of(app: AppTest) -> str:
    """Return the interval that the toolbar shows."""
    parts = [json.loads(one.proto.json or "{}") for one in app.get("bidi_component")]
    (picker,) = (part for part in parts if "intervals" in part)
    return str(picker["chosen"])


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
    assert list(lines_of(app)) == ["EMA 20", "SMA 20", "RSI 14"]


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_the_chart_has_the_drawings_of_its_symbol(
    run_app: RunApp, tmp_path: Path, role: str, request: pytest.FixtureRequest
) -> None:
    if role == "operator":
        request.getfixturevalue("as_operator")
    warehouse = make_home(tmp_path, ("BTCUSDT", "ETHUSDT"))
    until = floor_ms(now_ms(), MINUTE_MS)
    load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until - 2 * HOUR_MS, until)))
    for symbol, name in (("BTCUSDT", "0f3a9c21"), ("ETHUSDT", "1f3a9c21")):
        line = ChartDrawing(name, DrawingKind.HORIZONTAL, "#2962ff", ((0, 1.5),))
        warehouse.chart_drawings.save_drawings(symbol, [line], "Ada")
    warehouse.close()
    app = run_app(tmp_path, ANALYTICS)
    drawings = chart_of(app)["drawings"]
    assert [one["id"] for one in drawings["stored"]] == ["0f3a9c21"]
    assert drawings["can_save"] is (role == "operator")


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
    assert list(lines_of(app)) == ["SMA 7", "RSI 14"]
    assert "SHIB / USDT" in day_summary_of(app)


def test_another_interval_is_drawn(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS, interval="15m")
    assert not app.exception
    assert "664 candles of 15m" in texts_of(app)


def test_the_interval_is_never_replaced(run_app: RunApp, stocked_home: Path) -> None:
    """The range only decides the first view; of a wide one, the newest candles are read first."""
    app = run_app(stocked_home, ANALYTICS, interval="1m", range="1w")
    chart, text = chart_of(app), texts_of(app)
    assert picked_interval_of(app) == chart["interval"] == "1m"
    assert chart["home"][1] - chart["home"][0] == 7 * DAY_MS
    assert chart["window"][1] - chart["window"][0] == MAX_READ_CANDLES * MINUTE_MS
    assert chart["window"][1] >= chart["stored"][1]
    assert "(5m candles)" in text, "statistics cover the whole range"
    days = run_app(stocked_home, ANALYTICS, interval="1d", range="6h")
    assert "10 candles of 1d" in texts_of(days), "all that are stored, instead of one"


def test_an_indicator_is_added_several_times(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS, ema_period="12")
    app.selectbox(key="add_indicator").set_value("ema").run()
    app.number_input(key="ema.2_period").set_value(50).run()
    app.selectbox(key="ema.2.color").set_value("red").run()
    app.number_input(key="ema.2.width").set_value(3.0).run()
    colors = colors_of(app)
    assert colors["EMA 12"] != colors["EMA 50"] == "#C0240C"
    assert [(one["key"], one["width"]) for one in chart_of(app)["overlays"][:2]] == [
        ("ema", 1.6),
        ("ema.2", 3.0),
    ]
    assert query_of(app) == {
        "ema_period": "12",
        "ema.2": "true",
        "ema.2_period": "50",
        "ema.2.color": "red",
        "ema.2.width": "3",
    }
    app.button(key="hide_ema.2").click().run()
    assert "EMA 50" not in lines_of(app) and query_of(app)["ema.2.hidden"] == "true"
    assert chart_of(app)["hidden"] == [{"key": "ema.2", "name": "EMA 50"}], "still in the legend"
    app.button(key="remove_ema.2").click().run()
    assert query_of(app) == {"ema_period": "12"} and not app.exception


def test_removed_indicators_are_not_drawn(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS)
    app.button(key="remove_sma").click()
    app.selectbox(key="add_indicator").set_value("bollinger")
    app.number_input(key="ema_period").set_value(50).run()
    assert {"EMA 50", "Bollinger 20 2"} <= set(lines_of(app)) and "SMA 20" not in lines_of(app)


def test_a_color_is_the_same_whatever_else_is_drawn(run_app: RunApp, stocked_home: Path) -> None:
    alone = colors_of(run_app(stocked_home, ANALYTICS))
    more = colors_of(run_app(stocked_home, ANALYTICS, bollinger="true", vwap="true", sma="false"))
    compared = colors_of(run_app(stocked_home, ANALYTICS, compare="SHIBUSDT"))
    assert alone["EMA 20"] == more["EMA 20"] == compared["EMA 20"]
    assert compared["SHIBUSDT"] not in alone.values()
    assert "VWAP (day)" in more


def test_invalid_query_parameters_are_reported_and_stay(
    run_app: RunApp, stocked_home: Path
) -> None:
    query = {"interval": "7m", "range": "x", "sma_period": "-4", "rsi_period": "1", "view": "9-3"}
    query |= {"type": "Pie", "scale": "cubic", "tz": "Mars/Olympus"}
    app = run_app(stocked_home, ANALYTICS, **query)
    assert not app.exception
    text = texts_of(app)
    for problem in (
        "Interval `7m` is not available",
        "The chart shows 1h",
        "Range `x` is not available",
        "Simple moving average (sma) is not drawn: period must be 1 to 500, not -4",
        "Relative strength index (rsi) is not drawn: period must be 2 to 100, not 1",
        "View `9-3` is not a range of time",
        "Type `Pie` is not available",
        "Scale `cubic` is not available",
        "Time zone `Mars/Olympus` is unknown",
    ):
        assert problem in text.replace("\\", ""), problem
    assert "SMA 20" not in lines_of(app) and "166 candles of 1h" in text
    chart = chart_of(app)
    assert (chart["view"], chart["type"], chart["scale"], chart["zone"]) == (
        *(None, "candles", "linear", "local"),
    )
    assert query_of(app) == query


def test_an_unknown_symbol_is_never_replaced_by_another(
    run_app: RunApp, stocked_home: Path
) -> None:
    app = run_app(stocked_home, ANALYTICS, symbol="NOPE")
    assert not app.exception and not list_charts(app)
    assert "No data of symbol `NOPE` is stored" in texts_of(app)
    assert app.selectbox(key="symbol").value is None and query_of(app) == {"symbol": "NOPE"}
    app.selectbox(key="symbol").set_value("SHIBUSDT").run()
    assert query_of(app) == {"symbol": "SHIBUSDT"} and chart_of(app)["symbol"] == "SHIBUSDT"


def test_an_untracked_symbol_can_be_charted(run_app: RunApp, tmp_path: Path) -> None:
    warehouse = make_home(tmp_path, ("BTCUSDT", "SHIBUSDT", "XRPUSDT"))
    start = floor_ms(now_ms(), DAY_MS) - DAY_MS
    rows: list[KlineRow] = [
        [at, *["5"] * 4, "5", at + MINUTE_MS - 1, "1", 1, "2", "1", "0"]
        for at in range(start, start + DAY_MS, MINUTE_MS)
    ]
    for symbol in ("BTCUSDT", "SHIBUSDT"):
        load(warehouse, symbol, table_from_rows(rows))
    for symbol in ("SHIBUSDT", "XRPUSDT"):
        warehouse.symbols.untrack_symbol(symbol)
    warehouse.close()
    app = run_app(tmp_path, ANALYTICS, symbol="SHIBUSDT")
    assert "24 candles of 1h" in texts_of(app) and chart_of(app)["symbol"] == "SHIBUSDT"
    options = app.selectbox(key="symbol").options
    assert options == ["BTCUSDT", "SHIBUSDT (untracked)"], "XRPUSDT has no candles"


def test_a_viewer_who_returns_finds_the_chart_again(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS, interval="4h", macd="true", macd_fast_period="9")
    app.switch_page("app_pages/dashboard.py").run()
    for name in list(app.query_params):
        del app.query_params[name]  # As in a browser, whose address changes with the page.
    app.switch_page(ANALYTICS).run()
    assert query_of(app) == {"interval": "4h", "macd": "true", "macd_fast_period": "9"}
    assert "MACD 9 26 9" in lines_of(app)
    app.segmented_control(key="range").set_value("1d").run()
    assert query_of(app)["interval"] == "4h" and query_of(app)["range"] == "1d"


def test_a_choice_does_not_undo_one_that_the_browser_has_not_received(
    run_app: RunApp, stocked_home: Path
) -> None:
    """The second click is sent with the address of before the first one."""
    app = run_app(stocked_home, ANALYTICS, interval="4h")
    app.selectbox(key="type").set_value("Bars").run()
    assert query_of(app) == {"interval": "4h", "type": "Bars"}
    del app.query_params["type"]
    app.segmented_control(key="range").set_value("3d").run()
    assert query_of(app) == {"interval": "4h", "type": "Bars", "range": "3d"}
    assert chart_of(app)["type"] == "bars"
    app.run()
    del app.query_params["range"]  # From now on the browser has had it: the viewer goes back.
    app.run()
    assert query_of(app) == {"interval": "4h", "type": "Bars"}
    assert app.segmented_control(key="range--1").value == "1w"


def test_the_inputs_of_an_indicator_stay_in_place_when_others_are_removed(
    run_app: RunApp, stocked_home: Path
) -> None:
    """A place in the tree of elements that changes can replace an input, and lose its text."""

    def find_place(node: Block, key: str, path: tuple[int, ...] = ()) -> tuple[int, ...] | None:
        for index, child in node.children.items():
            if getattr(child, "key", None) == key:
                return (*path, index)
            if isinstance(child, Block) and (found := find_place(child, key, (*path, index))):
                return found
        return None

    app = run_app(stocked_home, ANALYTICS)
    before = find_place(app.main, "rsi_period")
    assert before is not None
    app.button(key="remove_ema").click().run()
    assert query_of(app) == {"ema": "false"} and not app.exception
    assert find_place(app.main, "rsi_period") == before


def test_a_layout_is_saved_and_opened_again(
    run_app: RunApp, tmp_path: Path, as_operator: None
) -> None:
    make_home(tmp_path, ("BTCUSDT",)).close()
    query = {"interval": "4h", "ema.2": "true", "ema.2_period": "50"}
    app = run_app(tmp_path, ANALYTICS, **query)
    app.text_input(key="layout_name").set_value("Trend").run()
    app.button(key="save_layout").click().run()
    assert not app.exception
    app.selectbox(key="type").set_value("Bars")
    app.button(key="remove_ema.2").click().run()
    assert query_of(app) == {"interval": "4h", "type": "Bars"}
    app.selectbox(key="open_layout").set_value("Trend").run()
    assert query_of(app) == query and not app.exception


def test_a_viewer_can_open_but_not_save_layouts(run_app: RunApp, tmp_path: Path) -> None:
    make_home(tmp_path, ("BTCUSDT",)).close()
    app = run_app(tmp_path, ANALYTICS)
    assert "Unlock the app to save or delete layouts" in texts_of(app)
    assert not [each for each in app.button if each.key == "save_layout"]


def test_a_new_provider_file_appears_without_other_changes(
    run_app: RunApp, stocked_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "heat.py").write_text(NEW_PANE)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    app = run_app(stocked_home, ANALYTICS, heat="true", heat_period="3")
    assert not app.exception
    assert "Heat of the market" in app.selectbox(key="add_indicator").options
    assert app.number_input(key="heat_period").max == 9
    panes = {pane["name"]: pane for pane in chart_of(app)["panes"]}
    assert panes["HEAT 3"]["range"] == [0, 100]
    del sys.modules[f"{package.__name__}.heat"]


def test_inconsistent_parameters_disable_one_provider_only(
    run_app: RunApp, stocked_home: Path
) -> None:
    app = run_app(
        stocked_home,
        ANALYTICS,
        **{"macd": "true", "macd_fast_period": "30", "correlation": "true"},
        **{"correlation.2": "true", "correlation.2_with": "LTCUSDT"},
    )
    assert not app.exception
    text = texts_of(app)
    assert "MACD (macd) is not drawn" in text and "below slow_period (26)" in text
    assert "**Cannot draw Correlation.**" in text and "LTCUSDT" in text
    lines = lines_of(app)
    assert {"SMA 20", "Correlation SHIBUSDT 30"} <= set(lines)
    assert not any("MACD" in name or "LTCUSDT" in name for name in lines)


def test_a_reset_restores_the_defaults(run_app: RunApp, stocked_home: Path) -> None:
    query = {"sma_period": "7", "bollinger": "true", "ema.2": "true", "interval": "4h"}
    app = run_app(stocked_home, ANALYTICS, **query)
    app.button(key="reset_price").click().run()
    assert query_of(app) == {"interval": "4h"} and "SMA 20" in lines_of(app)
    assert not app.exception


def test_compared_symbols_are_lines_of_the_chart(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS, compare="SHIBUSDT")
    (line,) = chart_of(app)["compared"]
    closes = decode_floats(line["values"])
    assert line["name"] == "SHIBUSDT"
    assert closes.size == decode_floats(chart_of(app)["times"]).size and closes[-1] > 0


def test_chart_type_scale_and_zone_are_in_the_address(run_app: RunApp, stocked_home: Path) -> None:
    query = {"type": "Heikin-Ashi", "scale": "log", "tz": "Asia/Kolkata"}
    app = run_app(stocked_home, ANALYTICS, **query)
    chart = chart_of(app)
    assert (chart["type"], chart["scale"], chart["zone"]) == ("heikin-ashi", "log", "Asia/Kolkata")
    text = texts_of(app)
    assert re.search("candles of 1h, .* Kolkata time", text)
    assert re.search("Statistics cover .* Kolkata time", text)
    app.selectbox(key="type").set_value("Area").run()
    assert query_of(app) == query | {"type": "Area"} and chart_of(app)["type"] == "area"


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
    assert re.search(r"\b\d\d candles of 1m", texts_of(app))


def test_the_last_price_is_the_newest_one_in_any_view(run_app: RunApp, stocked_home: Path) -> None:
    newest = chart_of(run_app(stocked_home, ANALYTICS, interval="15m"))["last"]
    end = newest[0] // 1000 - 4 * 86_400
    app = run_app(stocked_home, ANALYTICS, interval="15m", view=f"{end - 86_400}-{end}")
    chart = chart_of(app)
    assert chart["last"] == newest
    assert chart["window"][1] < newest[0], "the newest candle is not among those that are read"

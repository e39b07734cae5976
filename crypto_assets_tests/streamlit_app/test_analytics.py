"""Analytics without a browser: what is drawn, said and exported, and what the address chooses."""

import json
from pathlib import Path

from streamlit.testing.v1 import AppTest

from crypto_assets.market.intervals import Interval
from crypto_assets_tests.streamlit_app.conftest import RunApp
from crypto_assets_tests.streamlit_app.test_pages import ANALYTICS, metrics_of, words_of


def figure_of(app: AppTest) -> str:
    """The candle chart's, which is the first."""
    return str(json.loads(app.get("bidi_component")[0].proto.json)["figure"])


def test_analytics_draws_the_newest_week_in_hours(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS)
    assert not app.exception
    words = words_of(app)
    assert "168 candles of 1h" in words
    assert "Missing, not explained yet" in words
    assert "The last one, drawn hollow, is still forming" in words
    figure = figure_of(app)
    assert '"name":"SMA 20"' in figure and '"name":"EMA 20"' in figure


def test_the_address_chooses_symbol_interval_range_and_indicators(
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
    assert "72 candles of 5m" in words_of(app)
    figure = figure_of(app)
    assert '"name":"SMA 7"' in figure and "EMA" not in figure
    assert "SHIB / USDT" in metrics_of(app)


def test_another_interval_is_drawn(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS)
    app.segmented_control(key="interval").set_value(Interval.M15).run()
    assert not app.exception
    assert "672 candles of 15m" in words_of(app)


def test_a_range_too_long_for_its_interval_is_drawn_coarser(
    run_app: RunApp, stocked_home: Path
) -> None:
    app = run_app(stocked_home, ANALYTICS, interval="1m", range="1w")
    assert "1m would be too many candles for this range, so they are of 5m" in words_of(app)
    assert "2,016 candles of 5m" in words_of(app)


def test_switches_and_periods_change_the_lines(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home, ANALYTICS)
    app.toggle(key="sma").set_value(False)
    app.toggle(key="bollinger").set_value(True)
    app.number_input(key="ema_period").set_value(50).run()
    figure = figure_of(app)
    assert '"name":"EMA 50"' in figure and '"name":"Bollinger 20 2"' in figure
    assert "SMA" not in figure


def test_nonsense_in_the_address_falls_back_to_the_defaults(
    run_app: RunApp, stocked_home: Path
) -> None:
    app = run_app(stocked_home, ANALYTICS, symbol="NOPE", interval="7m", range="x", sma_period="-4")
    assert not app.exception
    assert "168 candles of 1h" in words_of(app)
    assert '"name":"SMA 20"' in figure_of(app)

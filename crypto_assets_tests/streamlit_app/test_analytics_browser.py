"""Analytics in a real browser: it renders wide and narrow, light and dark, and all of it reacts."""

import csv
import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.streamlit_app.gestures import press
from crypto_assets_tests.streamlit_app.seen import (
    PATIENCE_MS,
    SCHEMES,
    WIDTHS,
    Scheme,
    assert_shown_well,
    candles_in,
    complaints,
)

PNG = b"\x89PNG\r\n\x1a\n"


def shows(page: Page, text: str) -> None:
    """Waits until a pane's corner says so."""
    expect(page.locator(".live-chart").first.locator(".readout", has_text=text)).to_have_count(1)


def menu(page: Page, name: str) -> None:
    """Opens or closes a menu of the page."""
    page.get_by_role("button", name=name, exact=False).first.click()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_analytics_renders(open_tab: OpenTab, market: str, width: int, scheme: Scheme) -> None:
    tab = open_tab(f"{market}?range=3d&macd=true", width=width, color_scheme=scheme)
    expect(tab.page.get_by_text("72 candles of 1h")).to_be_visible()
    drawn = candles_in(tab.page)
    assert drawn["candles"] == 72
    assert drawn["lines"] == ["EMA 20", "SMA 20", "RSI 14"]
    shows(tab.page, "MACD 12 26 9")
    for title in ("Order book", "Correlation matrix", "Return distribution", "Volume profile"):
        expect(tab.page.get_by_text(title, exact=True)).to_be_visible()
    expect(tab.page.locator(".live-chart .plot-container")).to_have_count(5)
    expect(tab.page.get_by_text("Best bid 100.00")).to_be_visible()
    assert_shown_well(tab.page, width, scheme)
    assert complaints(tab) == []


def test_the_crosshair_says_what_a_partial_candle_is(open_tab: OpenTab, market: str) -> None:
    """ETHUSDT's first hour begins two minutes late."""
    tab = open_tab(f"{market}?symbol=ETHUSDT&range=All&interval=4h")
    expect(tab.page.get_by_text("The first one, drawn faded, is partial")).to_be_visible()
    shows(tab.page, "forming")
    box = tab.page.locator(".live-chart").first.bounding_box()
    assert box is not None
    tab.page.mouse.move(box["x"] + 24, box["y"] + 200)
    shows(tab.page, "partial: its beginning is not stored")
    assert complaints(tab) == []


def test_charts_parameters_interval_and_comparison_are_switched_and_stand_in_the_address(
    open_tab: OpenTab, market: str
) -> None:
    tab = open_tab(f"{market}?range=3d&rsi_period=21")
    page = tab.page
    shows(page, "RSI 21")
    page.get_by_test_id("stButtonGroup").first.get_by_text("30m", exact=True).click()
    expect(page.get_by_text("144 candles of 30m")).to_be_visible()
    menu(page, "Indicators")
    page.get_by_test_id("stCheckbox").filter(has_text="Average true range").click()
    shows(page, "ATR 14")
    page.get_by_test_id("stCheckbox").filter(has_text="Simple moving average").click()
    page.locator(".st-key-rsi_period input").fill("9")
    page.keyboard.press("Enter")
    shows(page, "RSI 9")
    press(page, "reset_rsi")
    shows(page, "RSI 14")
    for part in ("interval=30m", "range=3d", "sma=false", "atr=true"):
        assert part in page.url
    assert "rsi_period" not in page.url
    address = f"{page.url}&compare=ETHUSDT"
    other = open_tab(address)
    shows(other.page, "ETHUSDT")
    drawn = candles_in(other.page)
    assert drawn["lines"] == ["ETHUSDT", "EMA 20", "ATR 14", "RSI 14"]
    assert -1 < drawn["prices"][0] < 0 < drawn["prices"][1] < 1, "changes, not prices"
    press(page, "reset_price")
    expect(page.locator(".live-chart").first.locator(".readout", has_text="ATR")).to_have_count(0)
    shows(page, "SMA 20")
    assert complaints(tab) == complaints(other) == []


def test_a_hole_is_explained_under_the_crosshair_and_a_chart_is_taken_away(
    open_tab: OpenTab, market: str, tmp_path: Path
) -> None:
    tab = open_tab(f"{market}?range=3d&order_book=false")
    page = tab.page
    candles_in(page)
    point_at_the_hole(page)
    shows(page, "not explained yet")
    menu(page, "Download")
    saved = {}
    for kind in ("CSV", "Parquet", "PNG"):
        with page.expect_download(timeout=PATIENCE_MS) as download:
            page.get_by_test_id("stPopoverBody").get_by_role("button", name=kind).first.click()
        name = download.value.suggested_filename
        assert name.startswith("BTCUSDT-1h-20") and name.endswith(f".{kind.lower()}")
        saved[kind] = tmp_path / name
        download.value.save_as(saved[kind])
    rows = list(csv.DictReader(io.StringIO(saved["CSV"].read_text())))
    table = pq.read_table(saved["Parquet"])
    assert len(rows) == table.num_rows == 72
    assert {"time", "open_time", "close", "sma", "ema", "rsi"} <= set(rows[0])
    assert rows[-1]["close"] == str(table["close"][-1].as_py())
    picture = saved["PNG"].read_bytes()
    assert picture.startswith(PNG) and int.from_bytes(picture[16:20]) > 2000, "twice as sharp"
    assert complaints(tab) == []


def point_at_the_hole(page: Page) -> None:
    place = page.evaluate(
        """() => {
            const plot = document.querySelector('.js-plotly-plot');
            const [x, y] = [plot._fullLayout.xaxis, plot._fullLayout.yaxis];
            const hole = plot._fullLayout.shapes.find(shape => shape.type === 'rect');
            const box = plot.getBoundingClientRect();
            const middle = (x.d2p(hole.x0) + x.d2p(hole.x1)) / 2;
            return [box.x + x._offset + middle, box.y + y._offset + 90];
        }"""
    )
    page.mouse.move(place[0], place[1])
    page.mouse.move(place[0] + 1, place[1])


def test_few_candles_and_none_are_said_in_words(open_tab: OpenTab, market: str) -> None:
    tab = open_tab(f"{market}?symbol=XRPUSDT&interval=1m&macd=true&bollinger=true")
    expect(tab.page.get_by_text("3 candles of 1m")).to_be_visible()
    tab.page.goto(f"{market}?symbol=LTCUSDT")
    expect(tab.page.get_by_text("No candles of LTCUSDT yet")).to_be_visible()
    tab.page.goto(f"{market}?range=Dates&dates=2025-01-01&dates=2025-01-05")
    expect(tab.page.get_by_text("No candles of BTCUSDT in this range")).to_be_visible()
    assert complaints(tab) == []

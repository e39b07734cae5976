"""The page Analytics in a real browser: rendering, inputs, crosshair, and downloads."""

import csv
import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.streamlit_app.gestures import click_button
from crypto_assets_tests.streamlit_app.page_checks import (
    SCHEMES,
    TIMEOUT_MS,
    WIDTHS,
    Scheme,
    assert_page_ok,
    list_errors,
    read_chart,
)

PNG = b"\x89PNG\r\n\x1a\n"


def expect_readout(page: Page, text: str) -> None:
    """Wait until one readout has a text."""
    expect(page.locator(".live-chart").first.locator(".readout", has_text=text)).to_have_count(1)


def toggle_menu(page: Page, name: str) -> None:
    """Open or close a popover."""
    page.get_by_role("button", name=name, exact=False).first.click()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_analytics_renders(open_tab: OpenTab, market: str, width: int, scheme: Scheme) -> None:
    tab = open_tab(f"{market}?range=3d&macd=true", width=width, color_scheme=scheme)
    expect(tab.page.get_by_text("72 candles of 1h")).to_be_visible()
    drawn = read_chart(tab.page)
    assert drawn["candles"] == 72
    assert drawn["lines"] == ["EMA 20", "SMA 20", "RSI 14"]
    expect_readout(tab.page, "MACD 12 26 9")
    for title in ("Order book", "Correlation matrix", "Return distribution", "Volume profile"):
        expect(tab.page.get_by_text(title, exact=True)).to_be_visible()
    expect(tab.page.locator(".live-chart .plot-container")).to_have_count(5)
    expect(tab.page.get_by_text("Best bid 100.00")).to_be_visible()
    assert_page_ok(tab.page, width, scheme)
    assert list_errors(tab) == []


def test_the_readout_marks_a_partial_candle(open_tab: OpenTab, market: str) -> None:
    """The first hour of ETHUSDT lacks two minutes."""
    tab = open_tab(f"{market}?symbol=ETHUSDT&range=All&interval=4h")
    expect(tab.page.get_by_text("The first candle (faded) is partial")).to_be_visible()
    expect_readout(tab.page, "forming")
    box = tab.page.locator(".live-chart").first.bounding_box()
    assert box is not None
    tab.page.mouse.move(box["x"] + 24, box["y"] + 200)
    expect_readout(tab.page, "partial: its beginning is not stored")
    assert list_errors(tab) == []


def test_all_inputs_change_the_chart_and_the_url(open_tab: OpenTab, market: str) -> None:
    tab = open_tab(f"{market}?range=3d&rsi_period=21")
    page = tab.page
    expect_readout(page, "RSI 21")
    page.get_by_test_id("stButtonGroup").first.get_by_text("30m", exact=True).click()
    expect(page.get_by_text("144 candles of 30m")).to_be_visible()
    toggle_menu(page, "Indicators")
    for search, found in (("average true", "ATR 14"), ("expon", "EMA 20")):
        field = page.get_by_role("combobox", name="Add an indicator")
        field.click()
        field.fill(search)
        page.keyboard.press("Enter")
        expect_readout(page, found)
    click_button(page, "remove_sma")
    expect(page.locator(".st-key-sma_period")).to_have_count(0)
    page.locator(".st-key-rsi_period input").fill("14")
    page.keyboard.press("Enter")
    expect_readout(page, "RSI 14")
    page.locator(".st-key-ema-2_period input").fill("50")
    page.keyboard.press("Enter")
    expect_readout(page, "EMA 50")
    for part in ("interval=30m", "range=3d", "sma=false", "atr=true", "ema.2_period=50"):
        assert part in page.url
    assert "rsi_period" not in page.url
    address = f"{page.url}&compare=ETHUSDT"
    other = open_tab(address)
    expect_readout(other.page, "ETHUSDT")
    drawn = read_chart(other.page)
    assert drawn["lines"] == ["ETHUSDT", "EMA 20", "EMA 50", "ATR 14", "RSI 14"]
    assert -1 < drawn["prices"][0] < 0 < drawn["prices"][1] < 1, "ratios, not prices"
    click_button(page, "reset_price")
    expect(page.locator(".live-chart").first.locator(".readout", has_text="ATR")).to_have_count(0)
    expect_readout(page, "SMA 20")
    assert list_errors(tab) == list_errors(other) == []


def test_the_readout_explains_a_gap_and_the_chart_can_be_downloaded(
    open_tab: OpenTab, market: str, tmp_path: Path
) -> None:
    tab = open_tab(f"{market}?range=3d&order_book=false")
    page = tab.page
    read_chart(page)
    hover_gap(page)
    expect_readout(page, "not explained yet")
    toggle_menu(page, "Download")
    saved = {}
    for kind in ("CSV", "Parquet", "PNG"):
        with page.expect_download(timeout=TIMEOUT_MS) as download:
            page.get_by_test_id("stPopoverBody").get_by_role("button", name=kind).first.click()
        name = download.value.suggested_filename
        assert name.startswith("BTCUSDT-1h-20") and name.endswith(f".{kind.lower()}")
        saved[kind] = tmp_path / name
        download.value.save_as(saved[kind])
    rows = list(csv.DictReader(io.StringIO(saved["CSV"].read_text())))
    table = pq.read_table(saved["Parquet"])
    assert len(rows) == table.num_rows == 72
    assert {"time", "close", "forming", "partial", "sma_20", "ema_20", "rsi_14"} <= set(rows[0])
    assert rows[-1]["close"] == str(table["close"][-1].as_py())
    picture = saved["PNG"].read_bytes()
    assert picture.startswith(PNG) and int.from_bytes(picture[16:20]) > 2000, (
        "two pixels per CSS pixel"
    )
    assert list_errors(tab) == []


def hover_gap(page: Page) -> None:
    position = page.evaluate(
        """() => {
            const plot = document.querySelector('.js-plotly-plot');
            const [x, y] = [plot._fullLayout.xaxis, plot._fullLayout.yaxis];
            const gap = plot._fullLayout.shapes.find(shape => shape.type === 'rect');
            const box = plot.getBoundingClientRect();
            const middle = (x.d2p(gap.x0) + x.d2p(gap.x1)) / 2;
            return [box.x + x._offset + middle, box.y + y._offset + 90];
        }"""
    )
    page.mouse.move(position[0], position[1])
    page.mouse.move(position[0] + 1, position[1])


def test_few_or_no_candles_are_explained(open_tab: OpenTab, market: str) -> None:
    tab = open_tab(f"{market}?symbol=XRPUSDT&interval=1m&macd=true&bollinger=true")
    expect(tab.page.get_by_text("3 candles of 1m")).to_be_visible()
    tab.page.goto(f"{market}?symbol=LTCUSDT")
    expect(tab.page.get_by_text("No candles of LTCUSDT yet")).to_be_visible()
    tab.page.goto(f"{market}?range=Dates&dates=2025-01-01&dates=2025-01-05")
    expect(tab.page.get_by_text("No candles of BTCUSDT in this range")).to_be_visible()
    assert list_errors(tab) == []

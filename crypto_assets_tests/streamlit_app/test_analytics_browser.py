"""The page Analytics in a real browser: rendering, inputs, crosshair, and downloads."""

import csv
import io
import re
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from crypto_assets_tests.services.chromium import OpenTab, wait_for_script
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
    expect(page.locator(".candle-chart .readout", has_text=text)).to_have_count(1)


def toggle_menu(page: Page, name: str) -> None:
    """Open or close a popover."""
    page.get_by_role("button", name=name, exact=False).first.click()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_analytics_renders(open_tab: OpenTab, market: str, width: int, scheme: Scheme) -> None:
    tab = open_tab(f"{market}?range=3d&macd=true", width=width, color_scheme=scheme)
    expect(tab.page.get_by_text("70 candles of 1h")).to_be_visible()
    drawn = read_chart(tab.page)
    assert drawn["candles"] == 70, "of 72 hours, two are missing"
    assert drawn["lines"] == ["EMA 20", "SMA 20", "MACD 12 26 9", "RSI 14"]
    expect_readout(tab.page, "MACD 12 26 9")
    for title in ("Order book", "Correlation matrix", "Return distribution", "Volume profile"):
        expect(tab.page.get_by_text(title, exact=True)).to_be_visible()
    expect(tab.page.locator(".live-chart .plot-container")).to_have_count(4)
    expect(tab.page.get_by_text("Best bid 100.00")).to_be_visible()
    assert_page_ok(tab.page, width, scheme)
    assert list_errors(tab) == []


def test_the_readout_marks_a_partial_candle(open_tab: OpenTab, market: str) -> None:
    """The first hour of ETHUSDT lacks two minutes."""
    tab = open_tab(f"{market}?symbol=ETHUSDT&range=All&interval=4h")
    expect(tab.page.get_by_text("The first candle (faded) is partial")).to_be_visible()
    expect_readout(tab.page, "forming")
    hover_time(tab.page, "panel.loaded.times[0]")
    expect_readout(tab.page, "partial: its beginning is not stored")
    assert list_errors(tab) == []


def test_all_inputs_change_the_chart_and_the_url(open_tab: OpenTab, market: str) -> None:
    tab = open_tab(f"{market}?range=3d&rsi_period=21")
    page = tab.page
    expect_readout(page, "RSI 21")
    page.get_by_role("button", name="More intervals").click()
    page.locator(".interval-menu").get_by_text("30m", exact=True).click()
    expect(page.get_by_text("140 candles of 30m")).to_be_visible()
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
    expect(page.locator(".candle-chart .readout", has_text="ATR")).to_have_count(0)
    expect_readout(page, "SMA 20")
    assert list_errors(tab) == list_errors(other) == []


def test_the_readout_explains_a_gap_and_the_chart_can_be_downloaded(
    open_tab: OpenTab, market: str, tmp_path: Path
) -> None:
    tab = open_tab(f"{market}?range=3d&order_book=false")
    page = tab.page
    read_chart(page)
    hover_time(page, "(panel.loaded.gaps[0][0] + panel.loaded.gaps[0][1]) / 2")
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
    assert len(rows) == table.num_rows == 70
    assert {"time", "close", "forming", "partial", "sma_20", "ema_20", "rsi_14"} <= set(rows[0])
    assert rows[-1]["close"] == str(table["close"][-1].as_py())
    picture = saved["PNG"].read_bytes()
    box = page.locator(".candle-chart .stage").bounding_box()
    assert box is not None
    assert picture.startswith(PNG) and int.from_bytes(picture[16:20]) >= box["width"] - 2
    assert_legible(page, int(box["width"]))
    assert list_errors(tab) == []


def assert_legible(page: Page, width: int) -> None:
    """Check the texts of the last picture: complete, apart from each other, within its width."""
    texts = page.evaluate("document.querySelector('.candle-chart').panel.pictureTexts")
    words = [text["text"] for text in texts]
    assert words[0] == "BTC / USDT, 1h, candles"
    assert words[1].endswith(" UTC") and " to " in words[1]
    assert "TradingView" in words[2]
    assert {"O", "H", "L", "C", "SMA 20", "EMA 20", "RSI 14", "Volume"} <= set(words)
    for one, after in pairwise(texts):
        assert one["x"] >= 0 and one["x"] + one["width"] <= width
        if one["y"] == after["y"]:
            assert after["x"] >= one["x"] + one["width"] + 4, (one, after)


def hover_time(page: Page, expression: str) -> None:
    """Move the mouse to a time, given as an expression of `panel`."""
    box = page.locator(".candle-chart .stage").bounding_box()
    assert box is not None
    x = page.evaluate(
        f"""() => {{
            const panel = document.querySelector('.candle-chart').panel;
            return panel.toCoordinate(Math.round(panel.grid.toLogical({expression})));
        }}"""
    )
    page.mouse.move(box["x"] + x - 1, box["y"] + 150)
    page.mouse.move(box["x"] + x, box["y"] + 150)


def test_every_chart_type_and_scale_is_drawn(open_tab: OpenTab, market: str) -> None:
    tab = open_tab(f"{market}?symbol=ETHUSDT&range=3d&bollinger=true&macd=true")
    page = tab.page
    read_chart(page)
    drawn = page.evaluate(
        """() => {
            const panel = document.querySelector('.candle-chart').panel;
            return ['candles', 'hollow', 'bars', 'line', 'area', 'heikin-ashi', 'baseline']
                .map(type => {
                    panel.data.type = type;
                    panel.draw();
                    const { main } = panel.seriesSet;
                    return [main.seriesType(), main.data().filter(item => 'time' in item).length];
                });
        }"""
    )
    kinds, counts = zip(*drawn, strict=True)
    assert kinds == (
        *("Candlestick", "Candlestick", "Bar", "Line", "Area", "Candlestick", "Baseline"),
    )
    assert len(set(counts)) == 1 and counts[0] >= 72
    page.locator(".candle-chart .log").click()
    page.wait_for_url(re.compile("scale=log"))
    # From now on the address decides, such as that of a layout.
    wait_for_script(page, "document.querySelector('.candle-chart').panel.chosenScale === null")
    series = "document.querySelector('.candle-chart').panel.seriesSet.main"
    mode = f"{series}.priceScale().options().mode"
    assert page.evaluate(mode) == 1, "logarithmic"
    page.locator(".candle-chart .percent").click()
    page.wait_for_url(re.compile("scale=percent"))
    low, high = read_chart(page)["prices"]
    assert -1 < low < 0 < high < 1, "changes since the first visible candle"
    page.locator(".candle-chart .percent").click()
    page.wait_for_url(lambda url: "scale=" not in url)
    assert list_errors(tab) == []


def test_the_legend_hides_shows_and_removes_indicators(open_tab: OpenTab, market: str) -> None:
    """Also two of one kind with equal parameters, which are two entries."""
    tab = open_tab(f"{market}?range=3d&ema.2=true&ema.2.width=3&rsi=false")
    page = tab.page
    ema = page.locator(".candle-chart .entry", has_text="EMA 20")
    expect(ema).to_have_count(2)
    widths = page.evaluate(
        "document.querySelector('.candle-chart').panel.seriesSet.series.slice(1, 3)"
        ".map(one => one.series.options().lineWidth)"
    )
    assert widths == [1.6, 3]
    # The values of the legend, and so its entries, stay in place while the mouse is on one.
    page.locator(".candle-chart .stage").hover(position={"x": 300, "y": 200})
    hovered = "document.querySelector('.candle-chart').panel.hovered"
    wait_for_script(page, f"{hovered} !== null")
    ema.nth(1).hover()
    assert page.evaluate(hovered) is not None
    page.locator(".st-key-toolbar").hover()
    wait_for_script(page, f"{hovered} === null")
    ema.nth(1).hover()
    ema.nth(1).get_by_role("button", name="Hide EMA 20").click()
    page.wait_for_url(re.compile("ema.2.hidden=true"))
    hidden = page.locator(".candle-chart .entry.hidden")
    expect(hidden).to_have_text(re.compile("EMA 20"))
    assert read_chart(page)["lines"] == ["EMA 20", "SMA 20"]
    hidden.get_by_role("button", name="Show EMA 20").click()
    page.wait_for_url(lambda url: "hidden" not in url)
    expect(hidden).to_have_count(0)
    volume = page.locator(".candle-chart .entry", has_text="Volume")
    volume.hover()
    volume.get_by_role("button", name="Remove Volume").click()
    page.wait_for_url(re.compile("volume=false"))
    expect(volume).to_have_count(0)
    toggle_menu(page, "Indicators")
    expect(page.locator(".st-key-indicator_ema-2")).to_be_visible()
    expect(page.locator(".st-key-indicator_volume")).to_have_count(0)
    assert list_errors(tab) == []


def test_the_watchlist_chooses_the_symbol(open_tab: OpenTab, market: str) -> None:
    tab = open_tab(f"{market}?interval=4h&range=3d")
    page = tab.page
    expect_readout(page, "BTC / USDT")
    box = page.locator(".candle-chart").bounding_box()
    side = page.locator(".watchlist").bounding_box()
    assert box is not None and side is not None
    assert side["x"] >= box["x"] + box["width"] and abs(side["y"] - box["y"]) < 40, "beside it"
    page.locator(".watchlist button", has_text="ETH / USDT").click()
    page.wait_for_url(re.compile("symbol=ETHUSDT"))
    expect_readout(page, "ETH / USDT")
    assert "interval=4h" in page.url and "range=3d" in page.url
    expect(page.locator(".watchlist button[aria-pressed=true]")).to_have_text(
        re.compile("ETH / USDT")
    )
    assert list_errors(tab) == []


def test_few_or_no_candles_are_explained(open_tab: OpenTab, market: str) -> None:
    tab = open_tab(f"{market}?symbol=XRPUSDT&interval=1m&macd=true&bollinger=true")
    expect(tab.page.get_by_text("3 candles of 1m")).to_be_visible()
    tab.page.goto(f"{market}?symbol=LTCUSDT")
    expect(tab.page.get_by_text("No candles of LTCUSDT yet")).to_be_visible()
    tab.page.goto(f"{market}?range=Dates&dates=2025-01-01&dates=2025-01-05")
    expect(tab.page.get_by_text("No candles of BTCUSDT in this range")).to_be_visible()
    assert list_errors(tab) == []

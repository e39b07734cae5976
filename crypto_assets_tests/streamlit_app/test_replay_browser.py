"""Bar replay in a real browser: the chart as it was at a moment of the past."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from crypto_assets_tests.api.serving import Api, create_context, serve_api
from crypto_assets_tests.reports.stock import generated, hole_before, load
from crypto_assets_tests.services.chromium import OpenTab, wait_for_script
from crypto_assets_tests.streamlit_app.conftest import make_home, serving
from crypto_assets_tests.streamlit_app.page_checks import list_errors, wait_for_view_in_url
from crypto_assets_tests.streamlit_app.test_chart_events_browser import format_clock
from crypto_assets_tests.streamlit_app.test_zoom_browser import PANEL, wait_for_chart

ZONES = ("America/Los_Angeles", "Asia/Kolkata", "UTC")
SYMBOL = "BTCUSDT"
BAR = ".candle-chart .replay-bar"
STATE = f"""() => {{
    const panel = {PANEL};
    const last = panel.loaded.times.length - 1;
    return {{
        moment: panel.replay.moment,
        open: panel.loaded.times[last],
        close: panel.loaded.columns.close[last],
        price: panel.seriesSet.lastPrice.options().price,
        // The newest time of each series, and of what is painted beside them.
        ends: panel.seriesSet.series.map(({{ series }}) => series.data().at(-1).time * 1000),
        gaps: panel.loaded.gaps.map(([, to]) => to),
        events: panel.loaded.events.map(({{ to }}) => to),
    }};
}}"""


@dataclass(frozen=True)
class PastMarket:
    """The app and the API with nine days of two symbols, a gap and an outage."""

    address: str
    api: Api
    warehouse: Warehouse
    until: int

    def chart(self, query: str = "") -> str:
        return f"{self.address}/analytics?interval=1h&range=3d&macd=true&rsi=true{query}"


@pytest.fixture(scope="module")
def past_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastMarket]:
    home: Path = tmp_path_factory.mktemp("past")
    warehouse = make_home(home, (SYMBOL, "ETHUSDT"))
    until = floor_ms(now_ms(), HOUR_MS) + 2 * MINUTE_MS
    window = Window(until - 9 * DAY_MS, until)
    outage = hole_before(until, 8, 120)
    load(warehouse, SYMBOL, generated(SYMBOL, window, [outage]))
    load(warehouse, "ETHUSDT", generated("ETHUSDT", window))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    warehouse.gap_ledger.classify_gap(SYMBOL, outage.start_ms, GapClass.OUTAGE, "none on REST")
    log = home / "app.log"
    with (
        serve_api(create_context(warehouse, home / "api")) as api,
        serving(home, log) as address,
    ):
        yield PastMarket(address, api, warehouse, until)
    warehouse.close()
    assert "Traceback" not in log.read_text()


def read_state(page: Page) -> dict[str, Any]:
    """Return what the chart shows, after checking that none of it is later than the moment."""
    state: dict[str, Any] = page.evaluate(STATE)
    assert state["open"] + HOUR_MS <= state["moment"]
    # An indicator has no value soon after a gap.
    assert max(state["ends"]) == state["open"]
    assert all(end <= state["moment"] for end in [*state["gaps"], *state["events"]])
    return state


def start_replay(page: Page, hours: int) -> int:
    """Replay from the candle that opens so many hours before the last one; return its close."""
    page.get_by_role("button", name="Bar replay").click()
    expect(page.locator(BAR)).to_contain_text("Choose the last candle")
    open_time = page.evaluate(f"{PANEL}.loaded.times.at(-1)") - hours * HOUR_MS
    x = page.evaluate(f"{PANEL}.toCoordinate({PANEL}.grid.toLogical({open_time}))")
    page.locator(".candle-chart .stage").click(position={"x": x, "y": 150})
    page.locator(".st-key-toolbar").hover()
    wait_for_script(page, f"{PANEL}.replay.isOn")
    return int(open_time) + HOUR_MS


def fetch_last_values(market: PastMarket, provider: str, moment: int) -> dict[str, float]:
    """Return an indicator's values at the last candle before a moment, from the HTTP API."""
    path = f"/api/analytics/data/{provider}/{SYMBOL}"
    last = market.api.read(path, interval="1h", end=moment, limit=5)["data"][-1]
    assert last.pop("open_time") == moment - HOUR_MS
    return {name: value for name, value in last.items() if isinstance(value, float)}


@pytest.mark.parametrize("timezone_id", ZONES)
def test_a_replay_shows_what_was_known_at_its_moment(
    open_tab: OpenTab, past_market: PastMarket, timezone_id: str
) -> None:
    tab, zone = open_tab(past_market.chart(), timezone_id=timezone_id), ZoneInfo(timezone_id)
    page = tab.page
    wait_for_chart(page)
    moment = start_replay(page, 20)
    for _ in range(3):
        state = read_state(page)
        assert state["moment"] == moment
        assert state["price"] == pytest.approx(state["close"])
        place = zone.key.rpartition("/")[2].replace("_", " ")
        label = "UTC" if timezone_id == "UTC" else f"{place} time"
        expect(page.locator(BAR)).to_contain_text(
            f"Replay until {format_clock(moment, zone)} {label}"
        )
        expect(page.locator(".candle-chart .readout").first).to_contain_text(
            f"C{state['close']:,.2f}"
        )
        page.get_by_role("button", name="Next candle").click()
        moment += HOUR_MS
    assert list_errors(tab) == []


def test_indicators_are_what_the_api_gives_at_that_candle(
    open_tab: OpenTab, past_market: PastMarket
) -> None:
    tab = open_tab(past_market.chart())
    page = tab.page
    wait_for_chart(page)
    start_replay(page, 30)
    for _ in range(2):
        moment = read_state(page)["moment"]
        drawn = page.evaluate(
            f"""() => {{
                const {{ content, seriesSet: {{ series, panes }} }} = {PANEL};
                const entries = panes.flatMap(pane => pane.entries).filter(one => one.key);
                return Object.fromEntries([...content.overlays, ...content.panes].map(one => [
                    one.key, entries.filter(entry => entry.key === one.key).map(({{ column }}) => (
                        {PANEL}.loaded.columns[column].at(-1)
                    )),
                ]));
            }}"""
        )
        for provider in ("ema", "rsi", "macd"):
            expected = fetch_last_values(past_market, provider, moment)
            assert sorted(drawn[provider]) == pytest.approx(sorted(expected.values()), rel=1e-9)
        page.get_by_role("button", name="Next candle").click()
    assert list_errors(tab) == []


def test_percent_and_compared_symbols_end_at_the_moment(
    open_tab: OpenTab, past_market: PastMarket
) -> None:
    tab = open_tab(past_market.chart("&compare=ETHUSDT&type=Baseline"))
    page = tab.page
    wait_for_chart(page)
    start_replay(page, 12)
    state = read_state(page)
    base = page.evaluate(f"{PANEL}.seriesSet.findBase('close')")
    assert state["price"] == pytest.approx(state["close"] / base - 1)
    assert len(state["ends"]) >= 3
    assert list_errors(tab) == []


def test_the_keyboard_picks_steps_plays_and_leaves(
    open_tab: OpenTab, past_market: PastMarket
) -> None:
    tab = open_tab(past_market.chart())
    page, status = tab.page, tab.page.locator(".candle-chart [role=status].for-screen-readers")
    wait_for_chart(page)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(keys).to_contain_text("leave the replay")
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+p")
    expect(status).to_contain_text("Choose the last candle to show")
    page.keyboard.press("Escape")
    expect(page.locator(BAR)).to_be_hidden()
    page.keyboard.press("Alt+p")
    picked = page.evaluate(f"{PANEL}.replay.picked")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(f"{PANEL}.replay.picked") == picked - 2 * HOUR_MS
    page.keyboard.press("Enter")
    moment = read_state(page)["moment"]
    assert moment == picked - HOUR_MS
    page.keyboard.press("Shift+ArrowRight")
    assert read_state(page)["moment"] == moment + HOUR_MS
    expect(status).to_contain_text("Replay until")
    page.get_by_role("combobox", name="Candles per second").select_option("10/s")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+ArrowDown")
    wait_for_script(page, f"{PANEL}.replay.moment >= {moment + 6 * HOUR_MS}")
    page.keyboard.press("Shift+ArrowDown")
    paused = read_state(page)["moment"]
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    page.keyboard.press("Shift+ArrowDown")
    # Up to the newest candle that has closed, where it stops by itself.
    wait_for_script(page, f"{PANEL}.replay.moment > {paused} && !{PANEL}.replay.isPlaying")
    assert read_state(page)["moment"] == floor_ms(past_market.until, HOUR_MS)
    expect(status).to_have_text("The replay has reached the newest candle")
    page.keyboard.press("Alt+p")
    expect(page.locator(BAR)).to_be_hidden()
    wait_for_script(page, f"{PANEL}.isNewestVisible() && {PANEL}.loaded === {PANEL}.received")
    assert list_errors(tab) == []


def test_a_replay_jumps_survives_other_choices_and_is_not_saved(
    open_tab: OpenTab, past_market: PastMarket
) -> None:
    tab = open_tab(past_market.chart())
    page = tab.page
    wait_for_chart(page)
    start_replay(page, 5)
    wanted = floor_ms(past_market.until, HOUR_MS) - 6 * DAY_MS
    page.get_by_role("button", name="Jump to a date").click()
    form = page.locator(".candle-chart .go-to")
    form.locator("input").fill(f"{datetime.fromtimestamp(wanted / 1000, UTC):%Y-%m-%dT%H:%M}")
    form.get_by_role("button", name="Go").click()
    wait_for_script(page, f"{PANEL}.replay.moment === {wanted}")
    wait_for_script(page, f"{PANEL}.loaded.times.at(-1) === {wanted - HOUR_MS}")
    # Also if the report of the jump was lost, so that Python sends other candles.
    page.evaluate(
        f"""() => {{
            const panel = {PANEL};
            const window = panel.received.window.map(time => time + 9 * 86_400_000);
            panel.received = {{ ...panel.received, window }};
            panel.draw();
        }}"""
    )
    wait_for_script(page, f"{PANEL}.received.window[0] < {wanted}")
    # Candles that are loaded later are hidden, too.
    page.locator(".interval-picker [data-interval='5m']").first.click()
    wait_for_script(page, f"{PANEL}.content.interval === '5m'")
    wait_for_script(page, f"{PANEL}.loaded.times.at(-1) === {wanted - 5 * MINUTE_MS}")
    page.locator(".watchlist [data-symbol=ETHUSDT]").click()
    wait_for_script(page, f"{PANEL}.content.symbol === 'ETHUSDT'")
    wait_for_script(page, f"{PANEL}.loaded.times.at(-1) === {wanted - 5 * MINUTE_MS}")
    page.get_by_role("link", name="Dashboard").first.click()
    expect(page.locator(".candle-chart")).to_have_count(0)
    page.get_by_role("link", name="Analytics").first.click()
    wait_for_chart(page)
    assert page.evaluate(f"{PANEL}.replay.moment") == wanted
    page.reload()
    wait_for_chart(page)
    assert page.evaluate(f"{PANEL}.replay.moment") is None
    expect(page.locator(BAR)).to_be_hidden()
    assert list_errors(tab) == []


def test_files_end_at_the_moment_and_say_so(open_tab: OpenTab, past_market: PastMarket) -> None:
    tab = open_tab(past_market.chart())
    page = tab.page
    wait_for_chart(page)
    moment = start_replay(page, 20)
    wait_for_view_in_url(page)
    expect(page.locator("[data-testid=stStatusWidget]")).to_have_count(0)
    suffix = f"-replay-until-{datetime.fromtimestamp(moment / 1000, UTC):%Y%m%dT%H%M}"
    page.get_by_role("button", name="Download").first.click()
    for content in ("In view", "All of the range"):
        page.get_by_text(content, exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("button", name="CSV").click()
        assert download.value.suggested_filename.endswith(f"{suffix}.csv")
        with Path(download.value.path()).open() as file:
            times = [int(row["open_time"]) for row in csv.DictReader(file)]
        assert times[-1] == moment - HOUR_MS
        assert all(later > earlier for earlier, later in pairwise(times))
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    assert download.value.suggested_filename.endswith(f"{suffix}.png")
    texts = page.evaluate(f"{PANEL}.pictureTexts.map(({{ text }}) => text)")
    known = re.compile(r"\. Replay until \w{3} \d\d \w{3} \d{4} \d\d:00 UTC")
    assert any(known.search(text) for text in texts)
    assert list_errors(tab) == []


def test_new_candles_do_not_show_in_a_replay(open_tab: OpenTab, past_market: PastMarket) -> None:
    """Last in this file: it changes the data."""
    tab = open_tab(past_market.chart())
    page = tab.page
    wait_for_chart(page)
    start_replay(page, 1)
    before = read_state(page)
    page.get_by_role("button", name="Next candle").click()
    assert read_state(page)["moment"] == before["moment"], "the newest candle is still forming"
    stored = page.evaluate(f"{PANEL}.content.last")
    new = Window(past_market.until, past_market.until + 30 * MINUTE_MS)
    load(past_market.warehouse, SYMBOL, generated(SYMBOL, new))
    wait_for_script(page, f"{PANEL}.content.last[2] !== {stored[2]}")
    assert read_state(page) == before
    assert list_errors(tab) == []

"""The countdown to the close of the forming candle, in a real browser."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.services.chromium import OpenTab, Tab, wait_for_script
from crypto_assets_tests.streamlit_app.conftest import make_home, serving
from crypto_assets_tests.streamlit_app.page_checks import list_errors
from crypto_assets_tests.streamlit_app.test_zoom_browser import CANDLES_ONLY, PANEL, wait_for_chart

# Neither a whole minute nor one of the machine's time zones.
LEAD_MS = 47 * MINUTE_MS + 13_000
TIMER = ".candle-chart [role=timer]"


@dataclass
class LiveMarket:
    """The app with candles up to the time of an exchange whose clock is ahead of this machine's."""

    address: str
    exchange: SimulatedExchange
    _exchange_stack: ExitStack

    def stop_exchange(self) -> None:
        self._exchange_stack.close()

    def chart(self, interval: Interval) -> str:
        return f"{self.address}/analytics?interval={interval}&range=3d&{CANDLES_ONLY}"

    def find_remaining(self, interval: Interval) -> float:
        """Return the seconds until the forming candle closes."""
        now: int = self.exchange.clock.now_ms()
        return float(interval.floor(now) + interval.ms - now) / 1000


@pytest.fixture(scope="module")
def live_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveMarket]:
    home: Path = tmp_path_factory.mktemp("live")
    clock = SimulatedClock(now_ms() + LEAD_MS)
    exchange = SimulatedExchange(GeneratedCandles(7, False), clock)
    warehouse = make_home(home, ("BTCUSDT", "ETHUSDT"))
    until = floor_ms(clock.now_ms(), MINUTE_MS)
    load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until - 20 * DAY_MS, until)))
    old = until - 5 * HOUR_MS
    load(warehouse, "ETHUSDT", generated("ETHUSDT", Window(old - 3 * DAY_MS, old)))
    warehouse.close()
    log = home / "app.log"
    with ExitStack() as exchanges:
        url = exchanges.enter_context(start_exchange_server(exchange))
        # Slow ingestion, so that no candle becomes stale while the tests run.
        settings = {"EXCHANGE_URL": url, "ARCHIVE_URL": url, "INGEST_INTERVAL_MINUTES": "60"}
        with serving(home, log, 0, **settings) as address:
            yield LiveMarket(address, exchange, exchanges)
    assert "Traceback" not in log.read_text()


def open_counting(open_tab: OpenTab, market: LiveMarket) -> Tab:
    """Open the hourly chart, and wait until it counts down."""
    tab = open_tab(market.chart(Interval.H1))
    wait_for_chart(tab.page)
    wait_for_script(tab.page, f"{PANEL}.countdown.text !== ''")
    return tab


def read_countdown(page: Page) -> float:
    """Return the seconds that the countdown shows, which is exact to the second below a day."""
    wait_for_script(page, f"document.querySelector('{TIMER}').textContent !== ''")
    text = page.locator(TIMER).inner_text().removeprefix("Candle closes in ")
    if days := re.fullmatch(r"(\d+)d (\d\d)h", text):
        return int(days[1]) * 86_400 + int(days[2]) * 3_600
    parts = [int(part) for part in text.split(":")]
    assert re.fullmatch(r"(\d\d:)?\d\d:\d\d", text)
    return float(sum(part * 60**power for power, part in enumerate(reversed(parts))))


@pytest.mark.parametrize("timezone_id", ["America/Los_Angeles", "Asia/Kolkata", "UTC"])
def test_the_countdown_goes_by_the_clock_of_the_exchange(
    open_tab: OpenTab, live_market: LiveMarket, timezone_id: str
) -> None:
    tab = open_tab(live_market.chart(Interval.H1), timezone_id=timezone_id)
    page = tab.page
    for interval in (Interval.H1, Interval.M15, Interval.D1, Interval.W1):
        page.goto(live_market.chart(interval))
        wait_for_chart(page)
        wait_for_script(page, f"{PANEL}.countdown.text !== ''")
        width = interval.ms / 1000
        # A message takes a while, and at the close, the time begins again.
        late = (live_market.find_remaining(interval) - read_countdown(page)) % width
        tolerance = 3_600 if width > 86_400 else 60
        assert late <= tolerance or late >= width - tolerance
    assert list_errors(tab) == []


def test_the_countdown_is_painted_below_the_last_price_and_says_nothing_by_itself(
    open_tab: OpenTab, live_market: LiveMarket
) -> None:
    tab = open_counting(open_tab, live_market)
    page = tab.page
    expect(page.locator(TIMER)).not_to_have_attribute("aria-live", re.compile(".*"))
    place, price = page.evaluate(
        f"""() => {{
            const {{ countdown, seriesSet }} = {PANEL};
            const price = seriesSet.main.priceToCoordinate(seriesSet.lastPrice.options().price);
            return [countdown.views[0].coordinate(), price];
        }}"""
    )
    assert price < place < price + 2
    # As wide as the label of the price, so that no part of a tick's label remains beside it.
    shown, last = page.evaluate(
        f"""() => {{
            const {{ countdown, seriesSet: {{ lastPrice, main }} }} = {PANEL};
            const last = main.priceFormatter().format(lastPrice.options().price);
            return [countdown.views[0].text(), last];
        }}"""
    )
    assert len(shown) == len(last) and re.fullmatch(r"\d\d:\d\d[\u2007\u2008]+", shown)
    # Each second changes one text, and lays out nothing else.
    first = page.evaluate(f"{PANEL}.countdown.text")
    changed = page.evaluate(
        f"""async () => {{
            const changed = new Set();
            const observer = new MutationObserver(list => {{
                for (const {{ target }} of list) changed.add(target.role ?? target.className);
            }});
            const all = {{ childList: true, subtree: true, attributes: true }};
            observer.observe({PANEL}.root, all);
            await new Promise(resolve => setTimeout(resolve, 2500));
            observer.disconnect();
            return [...changed];
        }}"""
    )
    assert page.evaluate(f"{PANEL}.countdown.text") != first
    assert changed == ["timer"]
    assert list_errors(tab) == []


def test_a_viewer_hides_the_countdown_in_this_browser(
    open_tab: OpenTab, live_market: LiveMarket
) -> None:
    tab = open_counting(open_tab, live_market)
    page = tab.page
    page.get_by_role("button", name="Settings of the chart").click()
    choice = page.get_by_role("checkbox", name="Countdown to the close of the candle")
    expect(choice).to_be_checked()
    choice.uncheck()
    expect(page.locator(TIMER)).to_have_text("")
    page.reload()
    wait_for_chart(page)
    wait_for_script(page, f"{PANEL}.countdown.readClock() !== null")
    expect(page.locator(TIMER)).to_have_text("")
    page.get_by_role("button", name="Settings of the chart").click()
    choice.check()
    wait_for_script(page, f"{PANEL}.countdown.text !== ''")
    assert list_errors(tab) == []


def test_there_is_no_countdown_without_live_candles(
    open_tab: OpenTab, live_market: LiveMarket
) -> None:
    """Last in this file: the exchange stops. The candles of ETHUSDT are five hours old."""
    tab = open_counting(open_tab, live_market)
    page = tab.page
    delayed = open_tab(f"{live_market.chart(Interval.H1)}&symbol=ETHUSDT")
    wait_for_chart(delayed.page)
    wait_for_script(delayed.page, f"{PANEL}.countdown.readClock()?.isLive === false")
    assert delayed.page.evaluate(f"{PANEL}.countdown.text") == ""
    # The server may be gone: a clock without news is not believed.
    page.evaluate("document.querySelector('.exchange-clock').clock.receivedAt -= 61_000")
    wait_for_script(page, f"{PANEL}.countdown.text === ''")
    wait_for_script(page, f"{PANEL}.countdown.text !== ''")
    live_market.stop_exchange()
    wait_for_script(page, f"{PANEL}.countdown.text === ''")
    expect(page.get_by_text("Exchange unreachable").first).to_be_visible()
    assert list_errors(tab) == list_errors(delayed) == []

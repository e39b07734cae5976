"""Scheduler and Settings in a real browser over a real Dagster: what is pressed is done."""

from collections.abc import Iterator

import orjson
import pytest
from playwright.sync_api import Page, expect

from crypto_assets.orchestrator import Kind
from crypto_assets_tests.services.chromium import OpenTab, Tab
from crypto_assets_tests.services.scripted import Answer, in_turn, scripted
from crypto_assets_tests.streamlit_app import told
from crypto_assets_tests.streamlit_app.gestures import badge, card, confirm, part, press
from crypto_assets_tests.streamlit_app.screenshots import UNFADED
from crypto_assets_tests.streamlit_app.seen import (
    PATIENCE_MS,
    SCHEMES,
    WIDTHS,
    Scheme,
    assert_shown_well,
    complaints,
)
from crypto_assets_tests.streamlit_app.steered import Steered, steered
from crypto_assets_tests.streamlit_app.test_every_page import faults

# Dagster's start and two backfills on a busy machine.
pytestmark = pytest.mark.timeout(900)

# From being asked for to its end, on a busy machine: the daemon looks twice a minute.
BACKFILL_MS = 240_000


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Steered]:
    with steered(tmp_path_factory.mktemp("steered")) as running:
        yield running


def opened(open_tab: OpenTab, desk: Steered, page: str, **shown: object) -> Tab:
    tab = open_tab(f"{desk.address}/{page}", **shown)
    tab.page.set_default_timeout(PATIENCE_MS)
    return tab


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_both_pages_render(open_tab: OpenTab, desk: Steered, width: int, scheme: Scheme) -> None:
    tab = opened(open_tab, desk, "scheduler", width=width, color_scheme=scheme)
    for name in ("ingest_schedule", "order_books_schedule", "catch_up", "run_failures"):
        expect(badge(tab.page, name, "Stopped")).to_be_visible()
    expect(tab.page.get_by_text("14 partitions, up to 20,160 candles")).to_be_visible()
    assert_sound(tab, width, scheme)
    tab.page.goto(f"{desk.address}/settings")
    expect(tab.page.get_by_text("ETH / USDT")).to_be_visible()
    assert_sound(tab, width, scheme)


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark")])
def test_every_part_of_the_settings_renders(
    open_tab: OpenTab, desk: Steered, width: int, scheme: Scheme
) -> None:
    tab = opened(open_tab, desk, "settings", width=width, color_scheme=scheme)
    for name, words in (
        ("Retention", "Days in the raw lake"),
        ("Alerts", "Alerts go nowhere"),
        ("Appearance", "Kept in this browser"),
        ("Environment", "Read when a program starts"),
        ("Change log", "Nobody has changed anything yet"),
    ):
        part(tab.page, name)
        expect(tab.page.get_by_text(words).first).to_be_visible()
        assert_sound(tab, width, scheme)


def assert_sound(tab: Tab, width: int, scheme: Scheme) -> None:
    """Drawn well, readable by a screen reader, and nothing said on the console."""
    assert_shown_well(tab.page, width, scheme)
    tab.page.add_style_tag(content=UNFADED)
    assert faults(tab.page) == []
    assert complaints(tab) == []


def test_a_schedule_is_started_and_stopped_when_that_is_confirmed(
    open_tab: OpenTab, desk: Steered
) -> None:
    tab = opened(open_tab, desk, "scheduler")
    name, page = "maintenance_schedule", tab.page
    press(page, f"start_{name}")
    confirm(page, "Start")
    expect(badge(page, name, "Running")).to_be_visible()
    expect(card(page, name)).to_contain_text("Next: 03:00 UTC")
    assert desk.dagster.get_instigator(Kind.SCHEDULE, name).running
    press(page, f"stop_{name}")
    expect(page.get_by_role("dialog")).to_contain_text("both grow")
    assert desk.dagster.get_instigator(Kind.SCHEDULE, name).running, "nothing happens before that"
    confirm(page, "Stop")
    expect(badge(page, name, "Stopped")).to_be_visible()
    assert not desk.dagster.get_instigator(Kind.SCHEDULE, name).running
    assert desk.changes()[:2] == [
        (f"schedule {name}", "running", "stopped"),
        (f"schedule {name}", "stopped", "running"),
    ]
    assert complaints(tab) == []


def test_the_interval_of_fetches_is_changed(open_tab: OpenTab, desk: Steered) -> None:
    tab = opened(open_tab, desk, "scheduler")
    press(tab.page, "interval_ingest_interval_minutes")
    field = tab.page.get_by_role("dialog").get_by_role("spinbutton")
    field.fill("7")
    field.press("Tab")
    confirm(tab.page, "Save")
    expect(card(tab.page, "ingest_schedule")).to_contain_text("Every 7 min")
    assert desk.warehouse.app_settings.get_value("ingest_interval_minutes") == 7
    assert desk.changes()[0] == ("ingest_interval_minutes", None, 7)
    assert complaints(tab) == []


def test_a_sensor_is_run_now_and_says_what_came_of_it(open_tab: OpenTab, desk: Steered) -> None:
    tab = opened(open_tab, desk, "scheduler")
    press(tab.page, "run_symbols")
    expect(tab.page.get_by_test_id("stToast")).to_contain_text("Symbols: nothing to do")
    assert complaints(tab) == []


def test_a_backfill_is_launched_and_watched_to_its_end(open_tab: OpenTab, desk: Steered) -> None:
    tab = opened(open_tab, desk, "scheduler")
    page = tab.page
    choose(page, "BTCUSDT")
    expect(page.get_by_text("7 partitions, up to 10,080 candles")).to_be_visible()
    expect(page.get_by_text("anybody's guess")).to_be_visible()
    press(page, "launch")
    first = page.locator("[class*=st-key-backfill_]").first
    expect(first).to_contain_text("BTCUSDT")
    expect(first.get_by_role("progressbar")).to_be_visible()
    page.reload()
    expect(first).to_contain_text("28 of 28 steps done", timeout=BACKFILL_MS)
    expect(first).to_contain_text("Done", timeout=BACKFILL_MS)
    expect(first.get_by_role("progressbar")).to_have_count(0)
    coverage = desk.warehouse.coverage.list_by_symbol()
    assert [one.rows for one in coverage if one.symbol == "BTCUSDT"] == [7 * 1440]
    assert complaints(tab) == []


def test_a_backfill_is_called_off_and_the_next_is_timed_by_the_last(
    open_tab: OpenTab, desk: Steered
) -> None:
    tab = opened(open_tab, desk, "scheduler")
    page = tab.page
    expect(page.get_by_text("The time is as the last backfill went")).to_be_visible()
    choose(page, "ETHUSDT")
    press(page, "launch")
    first = page.locator("[class*=st-key-backfill_]").first
    expect(first).to_contain_text("ETHUSDT")
    first.get_by_role("button", name="Call off").click()
    confirm(page, "Call it off")
    expect(first).to_contain_text("Called off", timeout=BACKFILL_MS)
    (named, _, words) = desk.changes()[0]
    assert named.startswith("backfill ") and words == "canceled"
    assert complaints(tab) == []


def choose(page: Page, symbol: str) -> None:
    page.get_by_role("combobox", name="Symbols").click()
    page.get_by_role("option", name=symbol).click()
    page.keyboard.press("Escape")


def test_dagster_away_is_said_in_words_and_every_page_recovers(
    open_tab: OpenTab, desk: Steered
) -> None:
    tabs = {path: opened(open_tab, desk, path) for path in told.BY_DAGSTER}
    told.expect_dagster(tabs)
    desk.door.closed = True
    try:
        for tab in tabs.values():
            expect(tab.page.get_by_text("Dagster is away: nothing is loaded")).to_be_visible()
            expect(tab.page.get_by_text("Dagster cannot be asked")).to_be_visible()
            expect(tab.page.get_by_text("crypto-assets up").first).to_be_visible()
    finally:
        desk.door.closed = False
    told.expect_dagster(tabs)


def test_a_symbol_is_added_retired_and_taken_up_again(open_tab: OpenTab, desk: Steered) -> None:
    tab = opened(open_tab, desk, "settings")
    page = tab.page
    add_symbol(page, "SHIB", option="SHIBUSDT")
    expect(page.get_by_text("SHIB / USDT")).to_be_visible()
    press(page, "retire_SHIBUSDT")
    confirm(page, "Retire it")
    expect(page.get_by_text("Not tracked any more")).to_be_visible()
    press(page, "again_SHIBUSDT")
    confirm(page, "Track it again")
    expect(page.get_by_text("Not tracked any more")).to_have_count(0)
    assert [one.name for one in desk.warehouse.symbols.list_tracked()] == [
        "BTCUSDT",
        "ETHUSDT",
        "SHIBUSDT",
    ]
    part(page, "Change log")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    assert [line for line in desk.changes() if "SHIB" in line[0]] == [
        ("symbol SHIBUSDT", "untracked", "tracked"),
        ("symbol SHIBUSDT", "tracked", "untracked"),
        ("symbol SHIBUSDT", None, "tracked"),
    ]
    assert complaints(tab) == []


def test_a_symbol_that_the_exchange_does_not_list_is_refused_in_words(
    open_tab: OpenTab, desk: Steered
) -> None:
    tab = opened(open_tab, desk, "settings")
    add_symbol(tab.page, "NOPEUSDT", option="NOPEUSDT")
    expect(tab.page.get_by_text("does not list NOPEUSDT")).to_be_visible()
    desk.exchange.faults.add_rule({"do": "status", "status": 403})
    try:
        press(tab.page, "add_symbol")
        expect(tab.page.get_by_test_id("stAlert")).to_contain_text("403")
    finally:
        desk.exchange.faults.clear_rules()
    assert "NOPEUSDT" not in [one.name for one in desk.warehouse.symbols.list_all()]
    assert complaints(tab) == []


def add_symbol(page: Page, typed: str, option: str) -> None:
    field = page.get_by_role("combobox", name="Add a symbol")
    field.click()
    field.press_sequentially(typed)
    page.get_by_role("option", name=option).first.click()
    press(page, "add_symbol")


def test_the_webhook_is_set_tested_and_never_shown(open_tab: OpenTab, desk: Steered) -> None:
    tab = opened(open_tab, desk, "settings?part=Alerts")
    page = tab.page
    with scripted(in_turn(Answer(body=b"ok"), Answer(404))) as receiver:
        secret = f"{receiver.url}/hooks/s3cret"
        page.get_by_role("textbox", name="Address", exact=True).fill(secret)
        page.get_by_role("button", name="Use this address").click()
        confirm(page, "Send them there")
        expect(page.get_by_text("(set here)")).to_be_visible()
        expect(page.get_by_role("textbox", name="Another address")).to_be_visible()
        press(page, "test_webhook")
        expect(page.get_by_text("took the test")).to_be_visible()
        sent = orjson.loads(receiver.requests[0].body)
        assert sent["text"] == "crypto-assets: This is a test"
        assert receiver.requests[0].path == "/hooks/s3cret"
        press(page, "test_webhook")
        expect(page.get_by_text("The test did not arrive")).to_be_visible()
        expect(page.get_by_text("answers 404")).to_be_visible()
    assert "s3cret" not in page.content()
    assert "s3cret" not in str(desk.changes())
    press(page, "no_webhook")
    confirm(page, "Send none")
    expect(page.get_by_text("Alerts go nowhere").first).to_be_visible()
    assert complaints(tab) == []


def test_retention_is_changed_and_put_back(open_tab: OpenTab, desk: Steered) -> None:
    tab = opened(open_tab, desk, "settings?part=Retention")
    page = tab.page
    field = page.get_by_role("spinbutton", name="Days of minute candles")
    field.fill("30")
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("90 days → 30 days")
    expect(dialog).to_contain_text("goes for good")
    confirm(page, "Change it")
    expect(page.locator(".st-key-default_minute_days button:visible")).to_contain_text("90 days")
    assert desk.warehouse.app_settings.get_value("minute_days") == 30
    press(page, "default_minute_days")
    expect(page.get_by_text("back to 90 days")).to_have_count(0)
    expect(field).to_have_value("90")
    assert desk.changes()[:2] == [("minute_days", 30, None), ("minute_days", None, 30)]
    assert complaints(tab) == []


def test_the_theme_is_chosen_for_all_pages(open_tab: OpenTab, desk: Steered) -> None:
    tab = opened(open_tab, desk, "settings?part=Appearance")
    tab.page.get_by_role("button", name="Dark", exact=True).click()
    expect(tab.page.get_by_role("button", name="Dark", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    assert_shown_well(tab.page, 1440, "dark")
    tab.page.goto(f"{desk.address}/scheduler")
    expect(card(tab.page, "ingest_schedule")).to_be_visible()
    assert_shown_well(tab.page, 1440, "dark")
    assert complaints(tab) == []

"""The pages Scheduler and Settings in a real browser, with a real Dagster."""

from collections.abc import Iterator
from itertools import product

import orjson
import pytest
from playwright.sync_api import Page, expect

from crypto_assets.orchestrator import Kind
from crypto_assets_tests.services.chromium import OpenTab, Tab
from crypto_assets_tests.services.scripted import Answer, in_turn, scripted
from crypto_assets_tests.streamlit_app import page_texts
from crypto_assets_tests.streamlit_app.dagster_app import ControlledApp, controlled_app
from crypto_assets_tests.streamlit_app.gestures import (
    click_button,
    click_in_row,
    confirm,
    expect_running,
    locate_row,
    open_part,
    unlock_address,
)
from crypto_assets_tests.streamlit_app.page_checks import (
    SCHEMES,
    TIMEOUT_MS,
    WIDTHS,
    Scheme,
    assert_page_ok,
    list_errors,
    load_page,
)
from crypto_assets_tests.streamlit_app.screenshots import OPAQUE_STYLE
from crypto_assets_tests.streamlit_app.test_every_page import list_accessibility_faults

# Dagster's start and two backfills on a busy machine.
pytestmark = pytest.mark.timeout(900)

# The daemon looks for backfills twice a minute.
BACKFILL_MS = 240_000


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlledApp]:
    with controlled_app(tmp_path_factory.mktemp("controlled")) as running:
        yield running


def opened(open_tab: OpenTab, desk: ControlledApp, page: str, **shown: object) -> Tab:
    tab = open_tab(unlock_address(desk.address, page), **shown)
    tab.page.set_default_timeout(TIMEOUT_MS)
    return tab


def test_both_pages_render(
    open_tab: OpenTab, desk: ControlledApp, subtests: pytest.Subtests
) -> None:
    tab = opened(open_tab, desk, "scheduler")
    for width, scheme in product(WIDTHS, SCHEMES):
        with subtests.test(width=width, scheme=scheme):
            load_page(tab.page, f"{desk.address}/scheduler", width, scheme)
            for name in ("ingest_schedule", "order_books_schedule", "catch_up", "run_failures"):
                expect_running(tab.page, name, False)
            expect(tab.page.get_by_text("14 days, up to 20,160 candles")).to_be_visible()
            assert_accessible(tab, width, scheme)
            tab.page.goto(f"{desk.address}/settings")
            expect(tab.page.get_by_text("ETH / USDT")).to_be_visible()
            assert_accessible(tab, width, scheme)


def test_every_part_of_the_settings_renders(
    open_tab: OpenTab, desk: ControlledApp, subtests: pytest.Subtests
) -> None:
    tab = opened(open_tab, desk, "settings")
    views: tuple[tuple[int, Scheme], ...] = ((390, "light"), (1440, "dark"))
    for width, scheme in views:
        with subtests.test(width=width, scheme=scheme):
            load_page(tab.page, f"{desk.address}/settings", width, scheme)
            for name, text in (
                ("Retention", "Raw lake (days)"),
                ("Alerts", "Alerts are off"),
                ("Appearance", "Stored in this browser"),
                ("Environment", "Read at startup"),
            ):
                open_part(tab.page, name)
                expect(tab.page.get_by_text(text).first).to_be_visible()
                assert_accessible(tab, width, scheme)
            open_part(tab.page, "Change log")
            expect(tab.page.get_by_test_id("stDataFrame")).to_be_visible()
            assert_accessible(tab, width, scheme)


def assert_accessible(tab: Tab, width: int, scheme: Scheme) -> None:
    """Check rendering, accessibility, and the console."""
    assert_page_ok(tab.page, width, scheme)
    tab.page.add_style_tag(content=OPAQUE_STYLE)
    assert list_accessibility_faults(tab.page) == []
    assert list_errors(tab) == []


def test_a_schedule_starts_and_stops_after_a_confirmation(
    open_tab: OpenTab, desk: ControlledApp
) -> None:
    tab = opened(open_tab, desk, "scheduler")
    name, page = "maintenance_schedule", tab.page
    click_in_row(page, name, "switch")
    expect_running(page, name, True)
    expect(locate_row(page, name)).to_contain_text("03:00 UTC")
    assert desk.dagster.get_instigator(Kind.SCHEDULE, name).running
    click_in_row(page, name, "switch")
    expect(page.get_by_role("dialog")).to_contain_text("lake and warehouse grow")
    assert desk.dagster.get_instigator(Kind.SCHEDULE, name).running, (
        "not stopped before the confirmation"
    )
    confirm(page, "Stop")
    expect_running(page, name, False)
    assert not desk.dagster.get_instigator(Kind.SCHEDULE, name).running
    assert desk.list_changes()[:2] == [
        (f"schedule {name}", "running", "stopped"),
        (f"schedule {name}", "stopped", "running"),
    ]
    assert list_errors(tab) == []


def test_the_fetch_interval_can_be_changed(open_tab: OpenTab, desk: ControlledApp) -> None:
    tab = opened(open_tab, desk, "scheduler")
    click_in_row(tab.page, "ingest_schedule", "interval")
    field = tab.page.get_by_role("dialog").get_by_role("spinbutton")
    field.fill("7")
    field.press("Tab")
    confirm(tab.page, "Save")
    expect(locate_row(tab.page, "ingest_schedule")).to_contain_text("7 min")
    assert desk.warehouse.app_settings.get_value("ingest_interval_minutes") == 7
    assert desk.list_changes()[0] == ("ingest_interval_minutes", None, 7)
    assert list_errors(tab) == []


def test_a_sensor_runs_now_and_reports_the_result(open_tab: OpenTab, desk: ControlledApp) -> None:
    tab = opened(open_tab, desk, "scheduler")
    click_in_row(tab.page, "symbols", "run")
    expect(tab.page.get_by_test_id("stToast")).to_contain_text("Symbols:")
    assert list_errors(tab) == []


def test_a_backfill_is_launched_and_completes(open_tab: OpenTab, desk: ControlledApp) -> None:
    tab = opened(open_tab, desk, "scheduler")
    page = tab.page
    choose(page, "BTCUSDT")
    expect(page.get_by_text("7 days, up to 10,080 candles")).to_be_visible()
    expect(page.get_by_text("Estimated time: unknown")).to_be_visible()
    click_button(page, "launch")
    first = page.locator("[class*=st-key-backfill_]").first
    expect(first).to_contain_text("BTCUSDT")
    expect(first.get_by_role("progressbar")).to_be_visible()
    page.reload()
    expect(first).to_contain_text("7 of 7 days loaded", timeout=BACKFILL_MS)
    expect(first).to_contain_text("Completed", timeout=BACKFILL_MS)
    expect(first.get_by_role("progressbar")).to_have_count(0)
    coverage = desk.warehouse.coverage.list_by_symbol()
    assert [one.rows for one in coverage if one.symbol == "BTCUSDT"] == [7 * 1440]
    assert list_errors(tab) == []


def test_a_backfill_is_canceled_and_the_estimate_uses_the_last_one(
    open_tab: OpenTab, desk: ControlledApp
) -> None:
    tab = opened(open_tab, desk, "scheduler")
    page = tab.page
    expect(page.get_by_text("Based on the last backfill")).to_be_visible()
    choose(page, "ETHUSDT")
    click_button(page, "launch")
    first = page.locator("[class*=st-key-backfill_]").first
    expect(first).to_contain_text("ETHUSDT")
    first.get_by_role("button", name="Cancel", exact=False).click()
    confirm(page, "Cancel backfill")
    expect(first).to_contain_text("Canceled", timeout=BACKFILL_MS)
    expect(first).to_contain_text("of 7 days loaded")
    expect(first).not_to_contain_text("failed")
    (name, _, new_value) = desk.list_changes()[0]
    assert name.startswith("backfill ") and new_value == "canceled"
    assert list_errors(tab) == []


def choose(page: Page, symbol: str) -> None:
    page.get_by_role("combobox", name="Symbols").click()
    page.get_by_role("option", name=symbol).click()
    page.keyboard.press("Escape")


def test_pages_explain_that_dagster_is_down_and_recover(
    open_tab: OpenTab, desk: ControlledApp
) -> None:
    tabs = {path: opened(open_tab, desk, path) for path in page_texts.DAGSTER_TEXTS}
    page_texts.expect_dagster_texts(tabs)
    desk.proxy.is_down = True
    try:
        for tab in tabs.values():
            expect(tab.page.get_by_text("Dagster unavailable. No data is loaded")).to_be_visible()
            expect(tab.page.get_by_text("Cannot reach Dagster")).to_be_visible()
            expect(tab.page.get_by_text("crypto-assets up").first).to_be_visible()
    finally:
        desk.proxy.is_down = False
    page_texts.expect_dagster_texts(tabs)


def test_a_symbol_is_added_untracked_and_tracked_again(
    open_tab: OpenTab, desk: ControlledApp
) -> None:
    tab = opened(open_tab, desk, "settings")
    page = tab.page
    add_symbol(page, "SHIB", option="SHIBUSDT")
    expect(page.get_by_text("SHIB / USDT")).to_be_visible()
    click_button(page, "retire_SHIBUSDT")
    confirm(page, "Stop tracking")
    expect(page.get_by_text("Their data is kept")).to_be_visible()
    click_button(page, "again_SHIBUSDT")
    confirm(page, "Resume tracking")
    expect(page.get_by_text("Their data is kept")).to_have_count(0)
    assert [one.name for one in desk.warehouse.symbols.list_tracked()] == [
        "BTCUSDT",
        "ETHUSDT",
        "SHIBUSDT",
    ]
    open_part(page, "Change log")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    assert [line for line in desk.list_changes() if "SHIB" in line[0]] == [
        ("symbol SHIBUSDT", "untracked", "tracked"),
        ("symbol SHIBUSDT", "tracked", "untracked"),
        ("symbol SHIBUSDT", None, "tracked"),
    ]
    assert list_errors(tab) == []


def test_a_symbol_that_is_not_listed_is_rejected(open_tab: OpenTab, desk: ControlledApp) -> None:
    tab = opened(open_tab, desk, "settings")
    add_symbol(tab.page, "NOPEUSDT", option="NOPEUSDT")
    expect(tab.page.get_by_text("does not list NOPEUSDT")).to_be_visible()
    desk.exchange.faults.add_rule({"do": "status", "status": 403})
    try:
        click_button(tab.page, "add_symbol")
        expect(tab.page.get_by_test_id("stAlert")).to_contain_text("403")
    finally:
        desk.exchange.faults.clear_rules()
    assert "NOPEUSDT" not in [one.name for one in desk.warehouse.symbols.list_all()]
    assert list_errors(tab) == []


def add_symbol(page: Page, typed: str, option: str) -> None:
    field = page.get_by_role("combobox", name="Add a symbol")
    field.click()
    field.press_sequentially(typed)
    page.get_by_role("option", name=option).first.click()
    click_button(page, "add_symbol")


def test_the_webhook_is_set_and_tested_and_never_shown(
    open_tab: OpenTab, desk: ControlledApp
) -> None:
    tab = opened(open_tab, desk, "settings?part=Alerts")
    page = tab.page
    with scripted(in_turn(Answer(body=b"ok"), Answer(404))) as receiver:
        secret = f"{receiver.url}/hooks/s3cret"
        page.get_by_role("textbox", name="Webhook URL", exact=True).fill(secret)
        page.get_by_role("button", name="Save", exact=True).click()
        confirm(page, "Save")
        expect(page.get_by_text("(set here)")).to_be_visible()
        expect(page.get_by_role("textbox", name="New webhook URL")).to_be_visible()
        click_button(page, "test_webhook")
        expect(page.get_by_text("Test sent to")).to_be_visible()
        sent = orjson.loads(receiver.requests[0].body)
        assert sent["text"] == "crypto-assets: This is a test"
        assert receiver.requests[0].path == "/hooks/s3cret"
        click_button(page, "test_webhook")
        expect(page.get_by_text("Test failed")).to_be_visible()
        expect(page.get_by_text("answers 404")).to_be_visible()
    assert "s3cret" not in page.content()
    assert "s3cret" not in str(desk.list_changes())
    click_button(page, "no_webhook")
    confirm(page, "Turn off")
    expect(page.get_by_text("Alerts are off").first).to_be_visible()
    assert list_errors(tab) == []


def test_retention_is_changed_and_reset(open_tab: OpenTab, desk: ControlledApp) -> None:
    tab = opened(open_tab, desk, "settings?part=Retention")
    page = tab.page
    field = page.get_by_role("spinbutton", name="Minute candles (days)")
    field.fill("30")
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("90 days → 30 days")
    expect(dialog).to_contain_text("deleted permanently")
    confirm(page, "Save")
    expect(page.locator(".st-key-default_minute_days button:visible")).to_contain_text("90 days")
    assert desk.warehouse.app_settings.get_value("minute_days") == 30
    click_button(page, "default_minute_days")
    expect(page.get_by_text("reset to 90 days")).to_have_count(0)
    expect(field).to_have_value("90")
    assert desk.list_changes()[:2] == [("minute_days", 30, None), ("minute_days", None, 30)]
    assert list_errors(tab) == []


def test_the_theme_applies_to_all_pages(open_tab: OpenTab, desk: ControlledApp) -> None:
    tab = opened(open_tab, desk, "settings?part=Appearance")
    tab.page.get_by_role("button", name="Dark", exact=True).click()
    expect(tab.page.get_by_role("button", name="Dark", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    assert_page_ok(tab.page, 1440, "dark")
    tab.page.goto(f"{desk.address}/scheduler")
    expect(locate_row(tab.page, "ingest_schedule")).to_be_visible()
    assert_page_ok(tab.page, 1440, "dark")
    assert list_errors(tab) == []

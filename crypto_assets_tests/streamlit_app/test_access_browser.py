"""Unlocking and locking the app in a real browser: by link, by form, and as a viewer."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from crypto_assets.access import AccessControl
from crypto_assets_tests.access.serving import OPERATOR_TOKEN, VIEWER_TOKEN
from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.streamlit_app.conftest import make_home, serving
from crypto_assets_tests.streamlit_app.gestures import unlock_address
from crypto_assets_tests.streamlit_app.page_checks import SCHEMES, Scheme, assert_page_ok
from crypto_assets_tests.streamlit_app.screenshots import OPAQUE_STYLE
from crypto_assets_tests.streamlit_app.test_every_page import list_accessibility_faults

SYMBOL = "BTC / USDT"


@dataclass(frozen=True)
class ServedApp:
    address: str
    log: Path


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApp]:
    home = tmp_path_factory.mktemp("open")
    make_home(home).close()
    with serving(home, home / "app.log") as address:
        yield ServedApp(address, home / "app.log")
    assert "Traceback" not in (home / "app.log").read_text()


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApp]:
    """An app whose readers need a token."""
    home = tmp_path_factory.mktemp("private")
    make_home(home).close()
    with serving(home, home / "app.log", VIEWER_TOKEN=VIEWER_TOKEN) as address:
        yield ServedApp(address, home / "app.log")
    assert "Traceback" not in (home / "app.log").read_text()


def stop_tracking(page: Page) -> Page:
    """Return the button that stops tracking a symbol."""
    return page.get_by_role("button", name="Stop tracking").first


def enter_token(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Unlock").click()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_form_unlocks_and_the_button_locks(
    open_tab: OpenTab, app: ServedApp, scheme: Scheme
) -> None:
    tab = open_tab(f"{app.address}/settings", color_scheme=scheme, timezone_id="Asia/Kolkata")
    page = tab.page
    expect(page.get_by_text("Read-only.")).to_be_visible()
    expect(stop_tracking(page)).to_be_disabled()
    page.get_by_role("link", name="Unlock").click()
    page.wait_for_url("**/unlock?next=%2Fsettings")
    enter_token(page, "guess")
    expect(page.get_by_role("alert")).to_have_text("The token is wrong.")
    enter_token(page, OPERATOR_TOKEN)
    page.wait_for_url("**/settings")
    expect(page.get_by_text(SYMBOL)).to_be_visible()
    expect(stop_tracking(page)).to_be_enabled()
    assert_page_ok(page, 1440, scheme)
    page.add_style_tag(content=OPAQUE_STYLE)
    assert list_accessibility_faults(page) == []
    page.get_by_role("button", name="Lock", exact=True).click()
    expect(page.get_by_role("link", name="Unlock")).to_be_visible()
    page.goto(f"{app.address}/settings")
    expect(stop_tracking(page)).to_be_disabled()


def test_the_link_works_once_and_only_in_one_browser(open_tab: OpenTab, app: ServedApp) -> None:
    link = unlock_address(app.address, "settings")
    page = open_tab(link).page
    expect(stop_tracking(page)).to_be_enabled()
    # It is neither in the address bar nor in the history.
    assert "code=" not in page.url
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "crypto_session"]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/"
    assert "crypto_session" not in page.evaluate("document.cookie")
    other = open_tab(link).page
    expect(other.get_by_role("alert")).to_contain_text("has been used or has expired")
    other.goto(f"{app.address}/settings")
    expect(stop_tracking(other)).to_be_disabled()


def test_locking_ends_the_rights_of_open_tabs(open_tab: OpenTab, app: ServedApp) -> None:
    first = open_tab(unlock_address(app.address, "settings")).page
    expect(stop_tracking(first)).to_be_enabled()
    second = first.context.new_page()
    second.goto(f"{app.address}/settings")
    expect(stop_tracking(second)).to_be_enabled()
    first.get_by_role("button", name="Lock", exact=True).click()
    expect(first.get_by_role("link", name="Unlock")).to_be_visible()
    # By itself, within seconds: its connection ends with the session, and begins again as a viewer.
    expect(stop_tracking(second)).to_be_disabled()
    expect(second.get_by_text(SYMBOL)).to_be_visible()


def test_no_page_without_the_viewers_token(open_tab: OpenTab, private: ServedApp) -> None:
    page = open_tab(f"{private.address}/settings").page
    page.wait_for_url("**/unlock?next=%2Fsettings&reading=1")
    expect(page.get_by_text("To read, enter the viewer token")).to_be_visible()
    enter_token(page, VIEWER_TOKEN)
    page.wait_for_url("**/settings")
    expect(page.get_by_text(SYMBOL)).to_be_visible()
    expect(page.get_by_text("Viewer", exact=True)).to_be_visible()
    expect(stop_tracking(page)).to_be_disabled()
    for path in ("/", "/_stcore/stream", "/_stcore/host-config", "/static/", "/media/x"):
        assert requests.get(f"{private.address}{path}", timeout=9).status_code == 401, path
    assert requests.get(f"{private.address}/_stcore/health", timeout=9).status_code == 200


def test_a_link_from_another_site_needs_no_second_unlocking(
    open_tab: OpenTab, private: ServedApp
) -> None:
    """The browser sends the session only with requests that pages of the same site cause."""
    page = open_tab(unlock_address_of(private, "settings")).page
    expect(page.get_by_text(SYMBOL)).to_be_visible()
    elsewhere = private.address.replace("127.0.0.1", "localhost")
    page.route(
        f"{elsewhere}/elsewhere",
        lambda route: route.fulfill(
            content_type="text/html", body=f'<a href="{private.address}/settings">go</a>'
        ),
    )
    page.goto(f"{elsewhere}/elsewhere")
    page.get_by_text("go").click()
    expect(page.get_by_text(SYMBOL)).to_be_visible()


def unlock_address_of(private: ServedApp, page: str) -> str:
    access = AccessControl(SecretStr(OPERATOR_TOKEN), SecretStr(VIEWER_TOKEN))
    link = access.create_unlock_link(private.address)
    return f"{link}&{urlencode({'next': f'/{page}'})}"


def test_the_log_names_the_address_and_no_token(open_tab: OpenTab, app: ServedApp) -> None:
    link = unlock_address(app.address)
    open_tab(link)
    form = {"token": "my-guess-of-the-token"}
    for headers in ({}, {"X-Forwarded-For": "203.0.113.9"}):
        requests.post(f"{app.address}/unlock", form, headers=headers, timeout=30)
    log = app.log.read_text()
    assert "wrong token from 127.0.0.1" in log
    # No proxy is trusted, not even on this machine.
    assert "203.0.113.9" not in log
    code = link.partition("code=")[2].partition("&")[0]
    for secret in (OPERATOR_TOKEN, "my-guess", code):
        assert secret not in log

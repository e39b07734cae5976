"""Login with a real provider of OpenID Connect, in a real browser."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from crypto_assets.access import AccessControl
from crypto_assets.access.login import find_login_options
from crypto_assets.settings import Settings
from crypto_assets.tcp_ports import require_free_port
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.access.serving import OPERATOR_TOKEN
from crypto_assets_tests.api.serving import create_context, serve_api
from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.services.oidc import (
    OPERATOR,
    OTHER,
    UNVERIFIED,
    VIEWER,
    oidc_provider,
)
from crypto_assets_tests.streamlit_app.conftest import make_home, serving

SECRET = "secret-of-the-client"


@dataclass(frozen=True)
class LoginApp:
    """A running app with a provider, and its settings without their prefix."""

    address: str
    home: Path
    log: Path
    settings: dict[str, str]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoginApp]:
    home = tmp_path_factory.mktemp("login")
    make_home(home).close()
    port, log = require_free_port(0), home / "app.log"
    with oidc_provider(home / "provider.log") as metadata_url:
        settings = {
            "APP_LINK_URL": f"http://127.0.0.1:{port}",
            "OIDC_METADATA_URL": metadata_url,
            "OIDC_CLIENT_ID": "crypto-assets",
            "OIDC_CLIENT_SECRET": SECRET,
            "OIDC_OPERATORS": OPERATOR,
            "OIDC_VIEWERS": "*@example.com",
        }
        with serving(home, log, port, **settings) as address:
            yield LoginApp(address, home, log, settings)
    assert "Traceback" not in log.read_text() and SECRET not in log.read_text()


def sign_in(page: Page, person: str) -> None:
    """Sign in at the provider, whose page must not load its style sheet from elsewhere."""
    page.route("https://**", lambda route: route.abort())
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("button", name=person).click()


def test_an_operator_signs_in_and_changes_things(open_tab: OpenTab, app: LoginApp) -> None:
    page = open_tab(f"{app.address}/settings").page
    page.wait_for_url("**/unlock?next=%2Fsettings&reading=1")
    sign_in(page, OPERATOR)
    page.wait_for_url("**/settings")
    expect(page.get_by_text(OPERATOR)).to_be_visible()
    page.get_by_role("button", name="Stop tracking").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Stop tracking").click()
    expect(page.get_by_role("button", name="Stop tracking")).to_have_count(1)
    warehouse = Warehouse(f"sqlite:///{app.home / 'warehouse.db'}")
    (change,) = warehouse.app_settings.list_changes(1)
    warehouse.close()
    assert (change.who, change.address) == (f"{OPERATOR} in the app", "127.0.0.1")
    cookies = {one["name"]: one for one in page.context.cookies()}
    assert cookies["crypto_session"]["sameSite"] == "Strict"
    page.get_by_role("button", name="Lock", exact=True).click()
    page.wait_for_url("**/unlock?**")


def test_the_api_knows_the_person(open_tab: OpenTab, app: LoginApp, tmp_path: Path) -> None:
    page = open_tab(f"{app.address}/").page
    sign_in(page, OPERATOR)
    expect(page.get_by_text(OPERATOR)).to_be_visible()
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "crypto_session"]
    named = {name.lower(): value for name, value in app.settings.items()}
    access = AccessControl(
        SecretStr(OPERATOR_TOKEN),
        login=find_login_options(Settings(**named)),  # type: ignore[arg-type]
    )
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    with serve_api(create_context(warehouse, tmp_path), access) as api:
        assert api.get("/api/symbols").status_code == 401
        headers = {
            "Cookie": f"crypto_session={cookie['value']}",
            "Origin": api.url,
            "Content-Type": "application/json",
        }
        assert api.get("/api/symbols", headers=headers).status_code == 200
        assert api.send("DELETE", "/api/symbols/NOPE", headers=headers).status_code == 404


def test_a_viewer_may_only_read(open_tab: OpenTab, app: LoginApp) -> None:
    page = open_tab(f"{app.address}/settings").page
    sign_in(page, VIEWER)
    page.wait_for_url("**/settings")
    expect(page.get_by_text(VIEWER)).to_be_visible()
    expect(page.get_by_role("button", name="Stop tracking").first).to_be_disabled()


@pytest.mark.parametrize(
    ("person", "problem"),
    [(OTHER, f"{OTHER} may not read this server."), (UNVERIFIED, "that it has verified")],
)
def test_others_are_refused(open_tab: OpenTab, app: LoginApp, person: str, problem: str) -> None:
    page = open_tab(f"{app.address}/").page
    sign_in(page, person)
    expect(page.get_by_role("alert")).to_contain_text(problem)
    page.goto(f"{app.address}/settings")
    page.wait_for_url("**/unlock?**")


def test_an_answer_that_no_login_began_is_refused(open_tab: OpenTab, app: LoginApp) -> None:
    for query in ("", "code=x&state=y", "error=access_denied&state=y"):
        answer = requests.get(f"{app.address}/login/callback?{query}", timeout=9)
        assert answer.status_code == 403 and "start it again" in answer.text
        assert "crypto_session" not in answer.headers.get("Set-Cookie", "")
    # The answer to the login of another browser.
    page = open_tab(f"{app.address}/").page
    page.route("https://**", lambda route: route.abort())
    page.get_by_role("link", name="Sign in").click()
    answers: list[str] = []
    page.on("request", lambda request: answers.append(request.url))
    page.get_by_role("button", name=OPERATOR).click()
    expect(page.get_by_text(OPERATOR)).to_be_visible()
    (callback,) = [url for url in answers if "/login/callback?" in url]
    assert requests.get(callback, timeout=9).status_code == 403


def test_without_the_provider_the_token_still_works(open_tab: OpenTab, tmp_path: Path) -> None:
    make_home(tmp_path).close()
    port = require_free_port(0)
    settings = {
        "APP_LINK_URL": f"http://127.0.0.1:{port}",
        "OIDC_METADATA_URL": "http://127.0.0.1:9/.well-known/openid-configuration",
        "OIDC_CLIENT_ID": "crypto-assets",
        "OIDC_CLIENT_SECRET": SECRET,
        "OIDC_OPERATORS": OPERATOR,
    }
    with serving(tmp_path, tmp_path / "app.log", port, **settings) as address:
        page = open_tab(f"{address}/settings").page
        page.get_by_role("link", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("provider of logins does not respond")
        page.get_by_label("Token").fill(OPERATOR_TOKEN)
        page.get_by_role("button", name="Unlock").click()
        expect(page.get_by_text("Operator", exact=True)).to_be_visible()
    assert "Traceback" not in (tmp_path / "app.log").read_text()

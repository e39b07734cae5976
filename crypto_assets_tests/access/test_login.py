"""What a provider of logins may answer, and whose e-mail address counts."""

import asyncio
import gzip
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from crypto_assets.access import AccessControl, Role, login_routes
from crypto_assets.access.login import LoginOptions
from crypto_assets.access.provider_limits import ProviderRefused, build_event_hooks
from crypto_assets_tests.access.serving import OPERATOR_TOKEN, serve_role_app
from crypto_assets_tests.services.scripted import Answer, in_turn, scripted

EMAIL = "anna@example.com"
LOGIN = LoginOptions(
    metadata_url="http://127.0.0.1:9/",
    client_id="crypto-assets",
    client_secret=SecretStr("of-the-client"),
    operators=(EMAIL,),
    viewers=(),
    app_url="http://127.0.0.1:8501",
)
METADATA = {"authorization_endpoint": "http://127.0.0.1:9/authorize", "issuer": "x"}
LARGE = json.dumps({**METADATA, "x": "y" * 2_000_000}).encode()


def open_access(**changes: Any) -> AccessControl:
    return AccessControl(SecretStr(OPERATOR_TOKEN), login=replace(LOGIN, **changes))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(200, LARGE), "more than 1048576 bytes"),
        (
            Answer(200, gzip.compress(LARGE), {"Content-Encoding": "gzip"}),
            "a compressed response",
        ),
        (Answer(302, headers={"Location": "ftp://127.0.0.1/"}), "redirects (HTTP 302)"),
        (Answer(200, json.dumps(METADATA).encode(), delay=2), "TimeoutError"),
        (Answer(200, b"<html>"), "JSONDecodeError"),
    ],
)
def test_an_answer_of_the_provider_beyond_a_limit_is_refused(
    answer: Answer,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if answer.delay:
        monkeypatch.setattr(login_routes, "_PROVIDER_SECONDS", 0.2)
    with (
        scripted(in_turn(answer)) as provider,
        serve_role_app(open_access(metadata_url=provider.url)) as browser,
    ):
        shown = browser.get("/login")
    assert shown.status_code == 502 and "does not respond" in shown.text
    assert reason in caplog.text
    assert len(provider.requests) == 1


def test_an_answer_within_the_limits_leads_to_the_provider() -> None:
    with (
        scripted(in_turn(Answer(200, json.dumps(METADATA).encode()))) as provider,
        serve_role_app(open_access(metadata_url=provider.url)) as browser,
    ):
        assert browser.get("/login").headers["Location"].startswith("http://127.0.0.1:9/authorize?")
    assert provider.requests[0].headers["Accept-Encoding"] == "identity"


def test_a_provider_over_https_is_not_asked_without_it() -> None:
    (check,) = build_event_hooks("https://login.example/metadata")["request"]
    with pytest.raises(ProviderRefused, match="is not HTTPS"):
        asyncio.run(check(httpx.Request("GET", "http://login.example/keys")))
    asyncio.run(check(httpx.Request("GET", "https://login.example/keys")))


@pytest.mark.parametrize(
    ("verified", "accepts_unconfirmed", "problem"),
    [
        ({"email_verified": True}, False, ""),
        ({"email_verified": "true"}, False, ""),
        ({"email_verified": False}, True, "that it has verified"),
        ({"email_verified": "false"}, True, "that it has verified"),
        ({"email_verified": 1}, True, "that it has verified"),
        ({}, False, "CRYPTO_OIDC_ACCEPT_UNCONFIRMED_EMAILS"),
        ({}, True, ""),
    ],
)
def test_an_address_counts_if_the_provider_has_verified_it(
    verified: dict[str, Any],
    accepts_unconfirmed: bool,
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fetch_person(*_: object) -> dict[str, Any]:
        return {"sub": "1", "email": EMAIL, **verified}

    monkeypatch.setattr(login_routes._LoginRoutes, "_fetch_person", fetch_person)
    access = open_access(accepts_unconfirmed=accepts_unconfirmed)
    with serve_role_app(access) as browser:
        shown = browser.get("/login/callback?code=x&state=y")
        if problem:
            assert shown.status_code == 403 and problem in shown.text
        else:
            assert access.find_session(browser.get_cookie()).role is Role.OPERATOR

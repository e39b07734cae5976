"""Roles by token, session and one-time code."""

import errno
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from crypto_assets.access import AccessControl, Credential, Role, SpentIds, TokenRefused
from crypto_assets.access.login import LoginOptions
from crypto_assets.access.spent_ids import IdNotRemembered
from crypto_assets.errors import WrongUse
from crypto_assets_tests.access.serving import OPERATOR_TOKEN, VIEWER_TOKEN

OPERATOR, VIEWER = SecretStr(OPERATOR_TOKEN), SecretStr(VIEWER_TOKEN)

LOGIN = LoginOptions(
    metadata_url="https://login.example/.well-known/openid-configuration",
    client_id="crypto-assets",
    client_secret=SecretStr("of-the-provider"),
    operators=("Anna@example.com",),
    viewers=("*@example.com", "bert@other.example", "jack@other.example"),
    app_url="https://candles.example",
)


def cookie_of(access: AccessControl, role: Role = Role.OPERATOR) -> dict[str, str]:
    return {"cookie": f"a=1; crypto_session={access.create_session(role)}; =odd; b"}


def code_of(access: AccessControl) -> str:
    return access.create_unlock_link("http://a.example").partition("code=")[2]


def test_without_a_viewer_token_everyone_may_read() -> None:
    assert AccessControl(OPERATOR).find_caller({}).role == Role.VIEWER
    assert AccessControl(OPERATOR, VIEWER).find_caller({}).role == Role.NONE
    assert AccessControl(OPERATOR, login=LOGIN).find_caller({}).role == Role.NONE


def test_tokens_give_their_roles() -> None:
    access = AccessControl(OPERATOR, VIEWER)
    for token, role in ((OPERATOR_TOKEN, Role.OPERATOR), (VIEWER_TOKEN, Role.VIEWER)):
        caller = access.find_caller({"authorization": f"bearer {token}"}, "192.0.2.1")
        assert (caller.role, caller.credential, caller.address) == (
            role,
            Credential.TOKEN,
            "192.0.2.1",
        )


def test_a_token_may_have_any_letters() -> None:
    token = "grün-und-länger-als-sechzehn"
    header = f"Bearer {token}".encode().decode("latin-1")
    assert AccessControl(SecretStr(token)).find_caller({"authorization": header}).is_operator


@pytest.mark.parametrize(("length", "is_refused"), [(31, True), (32, False)])
def test_wrong_tokens_lock_out_only_a_token_that_can_be_guessed(
    length: int, is_refused: bool
) -> None:
    """Everyone on this machine, or behind one proxy, has the address of our own programs."""
    operator, viewer = "o" * length, "v" * length
    access = AccessControl(SecretStr(operator), SecretStr(viewer))
    for _ in range(9):
        with pytest.raises(TokenRefused) as refused:
            access.check_token("wrong", "127.0.0.1")
    assert refused.value.retry_after
    for token, role in ((viewer, Role.VIEWER), (operator, Role.OPERATOR)):
        if is_refused:
            with pytest.raises(TokenRefused):
                access.check_token(token, "127.0.0.1")
        else:
            assert access.check_token(token, "127.0.0.1") == role


@pytest.mark.parametrize("near", ["", OPERATOR_TOKEN[:-1], OPERATOR_TOKEN + "x", "é", "\udcff"])
def test_a_similar_token_is_refused(near: str) -> None:
    with pytest.raises(TokenRefused):
        AccessControl(OPERATOR).find_caller({"authorization": f"Bearer {near}"})


def test_the_login_of_a_proxy_is_no_token() -> None:
    caller = AccessControl(OPERATOR).find_caller({"authorization": "Basic dXNlcjpw"})
    assert caller.role == Role.VIEWER


def test_without_an_operator_token_no_one_may_change_things() -> None:
    access = AccessControl(None, VIEWER)
    with pytest.raises(TokenRefused):
        access.check_token("", "192.0.2.1")
    with pytest.raises(WrongUse, match="no operator token: run `crypto-assets init`"):
        access.create_unlock_link("http://a.example")
    # Who knows the viewer's token cannot sign a session of another role.
    forged = cookie_of(AccessControl(None, VIEWER))
    assert access.find_caller(forged).role == Role.NONE


def test_servers_with_the_same_tokens_accept_a_session() -> None:
    cookie = cookie_of(AccessControl(OPERATOR, VIEWER))
    caller = AccessControl(OPERATOR, VIEWER).find_caller(cookie)
    assert (caller.role, caller.credential) == (Role.OPERATOR, Credential.COOKIE)
    viewer = cookie_of(AccessControl(OPERATOR, VIEWER), Role.VIEWER)
    assert AccessControl(OPERATOR, VIEWER).find_caller(viewer).role == Role.VIEWER


def test_servers_with_the_same_provider_accept_a_login_without_a_token() -> None:
    session = AccessControl(None, login=LOGIN).create_session(Role.OPERATOR, "anna@example.com")
    headers = {"cookie": f"crypto_session={session}"}
    assert AccessControl(None, login=LOGIN).find_caller(headers).is_operator
    other = replace(LOGIN, client_secret=SecretStr("of-another-provider"))
    assert AccessControl(None, login=other).find_caller(headers).role == Role.NONE


def test_a_change_of_either_token_ends_all_sessions() -> None:
    cookie = cookie_of(AccessControl(OPERATOR, VIEWER))
    for changed in (
        AccessControl(SecretStr("another-operator-token"), VIEWER),
        AccessControl(OPERATOR, SecretStr("another-viewer-token")),
        AccessControl(OPERATOR, login=LOGIN),
    ):
        assert changed.find_caller(cookie).role == Role.NONE


def test_a_session_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    access = AccessControl(OPERATOR, VIEWER)
    cookie, now = cookie_of(access), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 30 * 86_400 - 5)
    assert access.find_caller(cookie).is_operator
    monkeypatch.setattr(time, "time", lambda: now + 30 * 86_400 + 5)
    assert access.find_caller(cookie).role == Role.NONE


def test_the_role_of_a_person_is_what_the_settings_say_now() -> None:
    roles = {
        "anna@EXAMPLE.com": Role.OPERATOR,
        "carl@example.com": Role.VIEWER,
        # Its last letter is the sign of kelvin, which becomes a k in lower case.
        "jac\N{KELVIN SIGN}@other.example": Role.NONE,
        "bert@other.example": Role.VIEWER,
        "carl@other.example": Role.NONE,
        "carl@evil-example.com": Role.NONE,
        "*@example.com.evil.example": Role.NONE,
        "example.com": Role.NONE,
    }
    assert {email: LOGIN.find_role(email) for email in roles} == roles
    access = AccessControl(OPERATOR, login=LOGIN)
    session = access.create_session(Role.OPERATOR, "anna@example.com")
    caller = access.find_session(session)
    assert (caller.role, caller.name) == (Role.OPERATOR, "anna@example.com")
    demoted = AccessControl(OPERATOR, login=replace(LOGIN, operators=()))
    assert demoted.find_session(session).role == Role.VIEWER
    assert AccessControl(OPERATOR).find_session(session).role == Role.VIEWER


def test_another_address_that_is_equal_in_lower_case_is_another_person() -> None:
    login = replace(LOGIN, operators=("karl@other.example",), viewers=())
    assert login.find_role("KARL@other.example") == Role.OPERATOR
    assert login.find_role("\N{KELVIN SIGN}arl@other.example") == Role.NONE


def test_the_session_of_a_person_lasts_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    access, now = AccessControl(OPERATOR, login=LOGIN), time.time()
    sessions = []
    for age in (86_400 - 60, 86_400 + 60):
        monkeypatch.setattr(time, "time", lambda age=age: now - age)
        sessions.append(access.create_session(Role.VIEWER, "carl@example.com"))
    monkeypatch.undo()
    recent, old = sessions
    assert access.find_session(recent).role == Role.VIEWER
    assert access.find_session(old).role == Role.NONE


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("/settings?a=1", True),
        ("https://dagster.example/runs", True),
        ("https://dagster.example.evil.example/", False),
        ("https://dagster.example@evil.example/", False),
        ("//evil.example", False),
        ("https://evil.example/", False),
    ],
)
def test_a_login_returns_to_own_addresses_only(address: str, allowed: bool) -> None:
    access = AccessControl(OPERATOR, public_origins=["https://dagster.example"])
    assert access.require_own_address(address) == (address if allowed else "/")


def test_a_forged_session_has_no_effect() -> None:
    access = AccessControl(OPERATOR, VIEWER)
    payload, at, signature = access.create_session(Role.VIEWER).rsplit(".", 2)
    code = code_of(access)
    for text in (f"{payload}.{at}.{signature[:-1]}", f"{payload}.{at}", "x", code, "a.b.c.d"):
        assert access.find_session(text).role == Role.NONE


def test_a_locked_session_is_invalid_on_every_server_of_the_home(tmp_path: Path) -> None:
    app, api = (AccessControl(OPERATOR, spent_ids=SpentIds(tmp_path)) for _ in range(2))
    session = app.create_session(Role.OPERATOR)
    assert api.find_session(session).is_operator
    app.end_session(session)
    assert not api.find_session(session).is_operator
    assert not app.find_session(session).is_operator
    app.end_session("forged")


def test_a_code_opens_once(tmp_path: Path) -> None:
    terminal, app, api = (AccessControl(OPERATOR, spent_ids=SpentIds(tmp_path)) for _ in range(3))
    first, second = code_of(terminal), code_of(terminal)
    assert app.spend_code(first)
    assert not app.spend_code(first) and not api.spend_code(first)
    # A restarted server remembers it.
    assert not AccessControl(OPERATOR, spent_ids=SpentIds(tmp_path)).spend_code(first)
    assert api.spend_code(second)


def test_a_code_opens_once_without_a_home() -> None:
    access = AccessControl(OPERATOR, spent_ids=SpentIds(None))
    code = code_of(access)
    assert [access.spend_code(code), access.spend_code(code)] == [True, False]


def test_a_code_that_cannot_be_marked_as_used_opens_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Another server of the home, or this one after a restart, would accept it again."""
    access = AccessControl(OPERATOR, spent_ids=SpentIds(Path("/proc/1/nowhere")))
    with pytest.raises(IdNotRemembered):
        access.spend_code(code_of(access))
    assert "cannot write /proc/1/nowhere/spent-ids (No such file or directory)" in caplog.text
    # A session that is locked ends on this server nevertheless.
    session = access.create_session(Role.OPERATOR)
    access.end_session(session)
    assert not access.find_session(session).is_operator


def test_a_code_on_a_full_disk_opens_nothing(tmp_path: Path) -> None:
    def be_full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    access = AccessControl(OPERATOR, spent_ids=SpentIds(tmp_path))
    code = code_of(access)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "touch", be_full)
        with pytest.raises(IdNotRemembered, match="No space left"):
            access.spend_code(code)


def test_a_code_expires_and_cannot_be_forged(monkeypatch: pytest.MonkeyPatch) -> None:
    access = AccessControl(OPERATOR)
    code, now = code_of(access), time.time()
    assert not AccessControl(SecretStr("another-token")).spend_code(code)
    for wrong in ("", "x", code[:-1], access.create_session(Role.OPERATOR)):
        assert not access.spend_code(wrong)
    monkeypatch.setattr(time, "time", lambda: now + 15 * 60 + 5)
    assert not access.spend_code(code)


def test_an_id_is_spent_although_old_ones_cannot_be_deleted(tmp_path: Path) -> None:
    # As if another server had deleted the file between the listing and the check of its age.
    (tmp_path / "spent-ids").mkdir()
    (tmp_path / "spent-ids" / "gone").symlink_to(tmp_path / "nowhere")
    assert SpentIds(tmp_path).spend("a1")
    assert not SpentIds(tmp_path).spend("a1")


def test_expired_ids_are_deleted(tmp_path: Path) -> None:
    spent = SpentIds(tmp_path)
    assert spent.spend("a1") and spent.spend("b2")
    old = time.time() - 31 * 86_400
    os.utime(tmp_path / "spent-ids" / "a1", (old, old))
    spent.spend("c3")
    assert sorted(file.name for file in (tmp_path / "spent-ids").iterdir()) == ["b2", "c3"]


def test_a_code_opens_once_while_another_server_deletes_expired_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = [AccessControl(OPERATOR, spent_ids=SpentIds(tmp_path)) for _ in range(2)]
    folder = tmp_path / "spent-ids"
    folder.mkdir()
    # The other server has deleted it since the folder was read.
    monkeypatch.setattr(Path, "iterdir", lambda _: iter([folder / "gone"]))
    code = code_of(servers[0])
    assert [one.spend_code(code) for one in servers] == [True, False]

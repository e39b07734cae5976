"""Write access: the operator's token, or the session of an operator's browser."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from crypto_assets.access import AccessControl, Role
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.serving import (
    BEARER,
    NOWHERE,
    TOKEN,
    Api,
    create_context,
    serve_api,
)
from crypto_assets_tests.warehouse.minutes import track

VIEWER_TOKEN = "only-for-looking-at-things"
JSON = {"Content-Type": "application/json"}
# Untracking an unknown symbol changes nothing; a 404 means that the write was allowed.
WRITES = [
    ("DELETE", "/api/symbols/NOPE"),
    ("POST", "/api/symbols"),
    ("PUT", "/api/schedules/x"),
    ("POST", "/api/schedules/x/run"),
    ("PUT", "/api/sensors/x"),
    ("POST", "/api/sensors/x/run"),
    ("POST", "/api/backfills"),
    ("DELETE", "/api/backfills/x"),
    ("POST", "/api/maintenance/x"),
]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    warehouse = Warehouse(f"sqlite:///{tmp_path_factory.mktemp('access') / 'warehouse.db'}")
    warehouse.migrate_schema()
    track(warehouse)
    yield warehouse
    warehouse.close()


@dataclass(frozen=True)
class GuardedApi(Api):
    """A running API, and its rule."""

    access: AccessControl

    def cookie(self, role: Role = Role.OPERATOR) -> dict[str, str]:
        """Return the headers of a browser's request by a page of this server."""
        session = self.access.create_session(role)
        return {**JSON, "Cookie": f"crypto_session={session}", "Origin": self.url}


def guarded_api(
    warehouse: Warehouse, folder: Path, access: AccessControl, cors: tuple[str, ...] = ()
) -> Iterator[GuardedApi]:
    with serve_api(create_context(warehouse, folder), access, cors) as api:
        yield GuardedApi(api.url, access)


@pytest.fixture(scope="module")
def guarded(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedApi]:
    access = AccessControl(SecretStr(TOKEN))
    folder = tmp_path_factory.mktemp("guarded")
    yield from guarded_api(warehouse, folder, access, ("https://charts.example",))


@pytest.fixture(scope="module")
def private(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedApi]:
    """An API whose readers need a token."""
    access = AccessControl(SecretStr(TOKEN), SecretStr(VIEWER_TOKEN))
    folder = tmp_path_factory.mktemp("private")
    yield from guarded_api(warehouse, folder, access, ("https://charts.example",))


@pytest.fixture(autouse=True)
def _forget_failures(guarded: GuardedApi, private: GuardedApi) -> None:
    """Wrong tokens of one test delay no other."""
    for api in (guarded, private):
        api.access.check_token(TOKEN, "127.0.0.1")


def delete(api: Api, headers: Mapping[str, str]) -> requests.Response:
    return api.send("DELETE", "/api/symbols/NOPE", headers=headers)


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_every_write_needs_the_token(guarded: GuardedApi, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = guarded.send(method, path, json={}, headers={**JSON, **headers})
        assert answer.status_code == 401, headers
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert TOKEN not in answer.text
        guarded.access.check_token(TOKEN, "127.0.0.1")
    assert guarded.send(method, path, json={}).status_code != 401


@pytest.mark.parametrize("near", [TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "", "é" * 5])
def test_a_similar_token_is_refused(guarded: Api, near: str) -> None:
    headers = {"Authorization": f"Bearer {near}".encode().decode("latin-1")}
    assert delete(guarded, headers).status_code == 401


def test_with_the_token_any_origin_may_write(guarded: Api) -> None:
    headers = {**BEARER, "Origin": "https://evil.example", "X-Forwarded-For": "203.0.113.9"}
    assert delete(guarded, headers).status_code == 404


def test_reads_need_no_token_unless_there_is_a_viewer_token(
    guarded: GuardedApi, private: GuardedApi
) -> None:
    assert guarded.get("/api/symbols").status_code == 200
    for path in ("/api/symbols", "/metrics", "/openapi.json", "/docs", "/api/nothing", "/"):
        answer = private.get(path)
        assert answer.status_code == 401, path
        assert "reading requires a token" in answer.json()["detail"]
        assert answer.headers["Cache-Control"] == "no-store"
    for token in (VIEWER_TOKEN, TOKEN):
        headers = {"Authorization": f"Bearer {token}"}
        assert private.get("/api/symbols", headers=headers).status_code == 200
        assert private.get("/metrics", headers=headers).status_code == 200
    assert private.get("/health/live").json() == {"status": "ok"}


def test_a_browser_that_may_not_read_gets_a_page(private: GuardedApi) -> None:
    answer = private.get("/docs", headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 401 and "/unlock?next=%2Fdocs" in answer.text
    assert private.get("/docs", headers=private.cookie(Role.VIEWER)).status_code == 200


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_viewer_may_not_write(private: GuardedApi, method: str, path: str) -> None:
    bearer = {**JSON, "Authorization": f"Bearer {VIEWER_TOKEN}"}
    for headers in (bearer, private.cookie(Role.VIEWER)):
        answer = private.send(method, path, json={}, headers=headers)
        assert answer.status_code == 403
        assert "a viewer may not write: use the operator token" in answer.json()["detail"]
    assert private.send(method, path, json={}, headers=JSON).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "127.0.0.1"},
        {"Host": "localhost", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-origin"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Cookie": "crypto_session=forged"},
    ],
)
def test_no_right_follows_from_this_machine(guarded: GuardedApi, headers: dict[str, str]) -> None:
    answer = delete(guarded, {**JSON, **headers})
    assert answer.status_code == 401
    assert "a write requires the operator token" in answer.json()["detail"]


def test_an_operators_browser_may_write(guarded: GuardedApi) -> None:
    own = guarded.cookie()
    for headers in (
        own,
        {**own, "Content-Type": "application/json; charset=utf-8"},
        {**own, "Sec-Fetch-Site": "same-origin"},
    ):
        assert delete(guarded, headers).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({"Origin": "https://evil.example"}, 403, "must come from a page of this server"),
        ({"Origin": "https://charts.example"}, 403, "must come from a page of this server"),
        ({"Origin": "http://127.0.0.1:9"}, 403, "must come from a page of this server"),
        ({"Origin": "null"}, 403, "must come from a page of this server"),
        ({"Origin": None}, 403, "must come from a page of this server"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "must come from a page of this server"),
        ({"Sec-Fetch-Site": "same-site"}, 403, "must come from a page of this server"),
        ({"Sec-Fetch-Site": "none"}, 403, "must come from a page of this server"),
        ({"Content-Type": "text/plain"}, 415, "requires Content-Type: application/json"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "Content-Type"),
        ({"Content-Type": ""}, 415, "Content-Type"),
    ],
)
def test_another_page_cannot_use_the_session_of_a_browser(
    guarded: GuardedApi, headers: dict[str, str | None], status: int, reason: str
) -> None:
    merged = {**guarded.cookie(), **headers}
    answer = delete(guarded, {name: value for name, value in merged.items() if value is not None})
    assert answer.status_code == status
    assert reason in answer.json()["detail"]


def test_without_an_operator_token_no_one_may_write(warehouse: Warehouse, tmp_path: Path) -> None:
    for api in guarded_api(warehouse, tmp_path, AccessControl(None)):
        for host in ("127.0.0.1", "localhost"):
            answer = delete(api, {**JSON, "Host": host, "Origin": f"http://{host}"})
            assert answer.status_code == 403
            assert "set CRYPTO_OPERATOR_TOKEN" in answer.json()["detail"]
        assert delete(api, BEARER).status_code == 401
        assert api.get("/api/symbols").status_code == 200


def test_guesses_are_delayed_and_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    access = AccessControl(SecretStr(TOKEN))
    for api in guarded_api(warehouse, tmp_path, access):
        for _ in range(3):
            assert delete(api, {"Authorization": "Bearer guess"}).status_code == 401
        for _ in range(5):
            access._brake.record_failure("127.0.0.1")
        answer = delete(api, BEARER)
        assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 250
        assert "too many wrong tokens" in answer.json()["detail"]
        assert delete(api, GuardedApi(api.url, access).cookie()).status_code == 404


def test_only_the_operator_sees_why_a_component_fails(warehouse: Warehouse, tmp_path: Path) -> None:
    """Reasons contain host names, users, buckets and paths."""
    context = create_context(warehouse, tmp_path, exchange_url="http://inner-host.invalid:9")
    with serve_api(context) as api:
        for path, part in (("/health", "dagster"), ("/api/schedules", None)):
            hidden, shown = api.get(path), api.get(path, headers=BEARER)
            assert hidden.status_code == shown.status_code == 503
            assert NOWHERE in shown.text and NOWHERE not in hidden.text
            text = hidden.json()[part]["detail"] if part else hidden.json()["detail"]
            assert "the operator" in text
        body = {"symbol": "NEWUSDT"}
        assert "inner-host" in api.send("POST", "/api/symbols", json=body).text


def test_the_change_log_names_the_address(warehouse: Warehouse, guarded: GuardedApi) -> None:
    for headers in (BEARER, guarded.cookie()):
        warehouse.symbols.register_symbols([warehouse.symbols.get_symbol("BTCUSDT")])
        answer = guarded.send("DELETE", "/api/symbols/BTCUSDT", headers=headers)
        assert answer.status_code == 200
        change = warehouse.app_settings.list_changes(1)[0]
        assert (change.who, change.address) == ("the API", "127.0.0.1")


def test_cors_allows_configured_pages_to_read_only(
    guarded: GuardedApi, private: GuardedApi
) -> None:
    origin = {"Origin": "https://charts.example"}
    for api, status in ((guarded, 200), (private, 401)):
        answer = api.get("/api/symbols", headers=origin)
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == "https://charts.example"
        # A page of another origin sends no session, and could not read the answer.
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
        preflight = {**origin, "Access-Control-Request-Method": "DELETE"}
        response = requests.options(f"{api.url}/api/symbols/X", headers=preflight, timeout=9)
        assert response.status_code == 400
        assert "DELETE" not in response.headers["Access-Control-Allow-Methods"]
        other = {"Origin": "https://evil.example"}
        assert "Access-Control-Allow-Origin" not in api.get("/api/symbols", headers=other).headers


def test_the_token_is_not_exposed(guarded: GuardedApi) -> None:
    assert TOKEN not in repr(guarded.access) + repr(vars(guarded.access))
    assert TOKEN not in guarded.get("/openapi.json").text
    assert socket.gethostname() not in guarded.get("/openapi.json").text

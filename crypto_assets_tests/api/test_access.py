"""Write access: the token or, without one, direct requests from this machine."""

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests
from fastapi import Request
from pydantic import SecretStr

from crypto_assets.api import AccessPolicy, access
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.serving import BEARER, TOKEN, Api, create_context, serve_api
from crypto_assets_tests.warehouse.minutes import track

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


@pytest.fixture(scope="module")
def guarded(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serve_api(create_context(warehouse, tmp_path_factory.mktemp("guarded"))) as api:
        yield api


@pytest.fixture(scope="module")
def unguarded(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API bound to this machine, without a token."""
    context = create_context(warehouse, tmp_path_factory.mktemp("unguarded"))
    with serve_api(context, AccessPolicy(), ("https://charts.example",)) as api:
        yield api


def delete(api: Api, headers: Mapping[str, str]) -> requests.Response:
    return api.send("DELETE", "/api/symbols/NOPE", headers=headers)


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_every_write_needs_the_token(guarded: Api, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = guarded.send(method, path, json={}, headers={**JSON, **headers})
        assert answer.status_code == 401, headers
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert TOKEN not in answer.text
    assert guarded.send(method, path, json={}).status_code != 401


@pytest.mark.parametrize("near", [TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "", "é" * 5])
def test_a_similar_token_is_refused(guarded: Api, near: str) -> None:
    headers = {"Authorization": f"Bearer {near}".encode().decode("latin-1")}
    assert delete(guarded, headers).status_code == 401


def test_with_the_token_any_origin_may_write(guarded: Api) -> None:
    headers = {**BEARER, "Origin": "https://evil.example", "X-Forwarded-For": "203.0.113.9"}
    assert delete(guarded, headers).status_code == 404


def test_reads_need_no_token(guarded: Api, unguarded: Api) -> None:
    for api in (guarded, unguarded):
        assert api.get("/api/symbols").status_code == 200


def test_without_a_token_this_machine_may_write(unguarded: Api) -> None:
    assert delete(unguarded, JSON).status_code == 404
    own = unguarded.url
    assert delete(unguarded, {**JSON, "Origin": own}).status_code == 404
    by_name = unguarded.url.replace("127.0.0.1", "localhost")
    assert (
        requests.delete(f"{by_name}/api/symbols/NOPE", headers=JSON, timeout=9).status_code == 404
    )
    with_charset = {"Content-Type": "application/json; charset=utf-8"}
    assert delete(unguarded, with_charset).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({"Origin": "https://evil.example"}, 403, "a page of another origin"),
        ({"Origin": "https://charts.example"}, 403, "a page of another origin"),
        ({"Origin": "http://127.0.0.1:9"}, 403, "a page of another origin"),
        ({"Origin": "null"}, 403, "a page of another origin"),
        ({"Host": "evil.example"}, 403, "Host header is not this machine"),
        ({"Host": "["}, 403, "Host header is not this machine"),
        ({"Host": "[::1"}, 403, "Host header is not this machine"),
        (
            {"Host": "evil.example", "Origin": "http://evil.example"},
            403,
            "Host header is not this machine",
        ),
        ({"X-Forwarded-For": "127.0.0.1"}, 403, "through a proxy (x-forwarded-for)"),
        ({"Forwarded": "for=127.0.0.1"}, 403, "through a proxy (forwarded)"),
        ({"X-Real-IP": "127.0.0.1"}, 403, "through a proxy (x-real-ip)"),
        ({"Via": "1.1 somewhere"}, 403, "through a proxy (via)"),
        ({"Content-Type": "text/plain"}, 415, "requires Content-Type: application/json"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "Content-Type"),
        ({"Content-Type": ""}, 415, "Content-Type"),
    ],
)
def test_requests_from_elsewhere_may_not_write(
    unguarded: Api, headers: dict[str, str], status: int, reason: str
) -> None:
    answer = delete(unguarded, {**JSON, **headers})
    assert answer.status_code == status
    assert reason in answer.json()["detail"]


def test_a_public_binding_without_a_token_refuses_writes(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    everywhere = "0.0.0.0"  # noqa: S104
    with serve_api(create_context(warehouse, tmp_path), AccessPolicy(everywhere)) as api:
        answer = delete(api, JSON)
        assert answer.status_code == 403
        assert "listens on 0.0.0.0, not on this machine alone" in answer.json()["detail"]
        assert "set CRYPTO_API_TOKEN" in answer.json()["detail"]
        assert api.get("/api/symbols").status_code == 200


def list_reasons(address: str | None, bound_to: str) -> list[str]:
    """List why a write from an address to a server bound to another is refused."""
    scope = {
        "type": "http",
        "scheme": "http",
        "method": "POST",
        "path": "/",
        "server": ("127.0.0.1", 80),
        "client": (address, 5) if address else None,
        "headers": [(b"host", b"127.0.0.1:80")],
    }
    return list(access._list_nonlocal_reasons(Request(scope), AccessPolicy(bound_to)))


@pytest.mark.parametrize("own", ["127.0.0.1", "::1", "127.8.8.8"])
def test_all_loopback_addresses_may_write(own: str) -> None:
    assert list_reasons(own, "localhost") == list_reasons("127.0.0.1", own) == []


@pytest.mark.parametrize("other", ["192.0.2.1", "10.0.0.1", "::ffff:10.0.0.1", "evil", None])
def test_another_machine_may_not_write(other: str | None) -> None:
    assert list_reasons(other, "127.0.0.1") == ["the request came from another machine"]


@pytest.mark.parametrize("bound_to", ["::", "192.0.2.1", "a.example", "127.0.0.1.a.example"])
def test_other_bindings_refuse_writes(bound_to: str) -> None:
    (reason,) = list_reasons("127.0.0.1", bound_to)
    assert reason == f"this API listens on {bound_to}, not on this machine alone"


def test_cors_allows_configured_pages_to_read_only(unguarded: Api, guarded: Api) -> None:
    origin = {"Origin": "https://charts.example"}
    answer = unguarded.get("/api/symbols", headers=origin)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://charts.example"
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    preflight = {**origin, "Access-Control-Request-Method": "DELETE"}
    response = requests.options(f"{unguarded.url}/api/symbols/X", headers=preflight, timeout=9)
    assert (
        response.status_code == 400
        and "DELETE" not in response.headers["Access-Control-Allow-Methods"]
    )
    for api, other in ((unguarded, {"Origin": "https://evil.example"}), (guarded, origin)):
        assert "Access-Control-Allow-Origin" not in api.get("/api/symbols", headers=other).headers


def test_the_token_is_not_exposed(guarded: Api) -> None:
    assert TOKEN not in repr(AccessPolicy(token=SecretStr(TOKEN)))
    assert TOKEN not in guarded.get("/openapi.json").text
    assert socket.gethostname() not in guarded.get("/openapi.json").text

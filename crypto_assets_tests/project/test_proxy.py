"""The Caddyfile of the one-machine size by itself; test_one_machine.py has the servers behind."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from urllib3 import HTTPSConnectionPool as Pool
from urllib3 import Retry

from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.project.repository import ROOT
from crypto_assets_tests.services.caddy import CADDYFILE, check_caddyfile, serve_caddy
from crypto_assets_tests.services.certificates import Authority
from crypto_assets_tests.services.scripted import Answer, scripted

HOST = "candles.example"
# Until the proxy listens.
RETRIES = Retry(connect=50, read=0, other=0, backoff_factor=0.1, backoff_max=0.1)


@pytest.fixture
def site(authority: Authority, tmp_path: Path) -> dict[str, str]:
    """The variables of a public name with certificates of one's own."""
    certificate, key = authority.sign(HOST, HOST)
    files = {"SITE_NAME": HOST, "PROXY_TLS": f"{certificate} {key}"}
    return {**files, "XDG_DATA_HOME": str(tmp_path)}


def test_caddy_accepts_the_file(site: dict[str, str]) -> None:
    default = {"XDG_DATA_HOME": site["XDG_DATA_HOME"]}
    public = {**default, "SITE_NAME": HOST, "PROXY_TLS": "me@candles.example"}
    for variables in (default, public, site):
        check_caddyfile(ROOT / CADDYFILE, variables)


def test_a_file_with_an_error_is_not_accepted(tmp_path: Path) -> None:
    broken = tmp_path / "Caddyfile"
    broken.write_text((ROOT / CADDYFILE).read_text().replace("max_size", "max_sise"))
    with pytest.raises(AssertionError, match="max_sise"):
        check_caddyfile(broken, {"XDG_DATA_HOME": str(tmp_path)})


def test_the_responses_of_the_proxy_itself_have_the_security_headers(
    authority: Authority, site: dict[str, str], tmp_path: Path
) -> None:
    closed = f"127.0.0.1:{require_free_port(0)}"
    with serve_site(tmp_path, authority, site, closed) as pools:
        for pool in pools:
            answer = pool.request("GET", "/api/symbols", headers={"Host": HOST}, retries=RETRIES)
            assert (answer.status, answer.data) == (502, b"502 Bad Gateway")
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert "Server" not in answer.headers


def test_the_proxy_limits_headers_and_bodies_and_replaces_the_address_of_a_client(
    authority: Authority, site: dict[str, str], tmp_path: Path
) -> None:
    with (
        scripted(lambda _: Answer()) as server,
        serve_site(tmp_path, authority, site, server.url.removeprefix("http://")) as pools,
    ):
        for pool in pools:

            def send(size: int, pool: Pool = pool, **headers: str) -> int:
                sent = {"Host": HOST, "X-Forwarded-For": "192.0.2.77", **headers}
                body = b"x" * size
                return pool.request("POST", "/", body=body, headers=sent, retries=RETRIES).status

            assert send(9_000_000) == 200
            # Of Caddy 2.6, the second one; later versions recognize their own limit.
            assert send(11_000_000) in {413, 502}
            assert send(1, Large="x" * 60_000) == 200
            assert send(1, Large="x" * 100_000) == 431
            request = server.requests[0]
            assert request.headers["X-Forwarded-For"] == "127.0.0.1"
            assert request.headers["X-Forwarded-Proto"] == "https"
            assert request.headers["Host"] == HOST
            server.requests.clear()


@contextmanager
def serve_site(
    folder: Path, authority: Authority, site: dict[str, str], server: str
) -> Iterator[list[Pool]]:
    """Run the proxy in front of one server, and yield connections to both of its addresses."""
    app, dagster, probe = (require_free_port(0) for _ in range(3))
    ports = {"8443": app, "3443": dagster, "2020": probe}
    servers = {f"{name}_SERVER": server for name in ("APP", "API", "DAGSTER")}
    with serve_caddy(folder / "caddy", ports, {**site, **servers}), ExitStack() as after:
        pools = [
            Pool(
                "127.0.0.1",
                port,
                ca_certs=str(authority.ca),
                server_hostname=HOST,
                assert_hostname=HOST,
            )
            for port in (app, dagster)
        ]
        for pool in pools:
            after.callback(pool.close)
        yield pools

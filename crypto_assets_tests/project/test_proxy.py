"""The Caddyfile of the one-machine size by itself; test_one_machine.py has the servers behind."""

from pathlib import Path

import pytest
import urllib3

from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.project.repository import ROOT
from crypto_assets_tests.services.caddy import CADDYFILE, check_caddyfile, serve_caddy
from crypto_assets_tests.services.certificates import Authority

HOST = "candles.example"


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
    app, dagster, probe, closed = (require_free_port(0) for _ in range(4))
    ports = {"8443": app, "3443": dagster, "2020": probe}
    servers = {f"{name}_SERVER": f"127.0.0.1:{closed}" for name in ("APP", "API", "DAGSTER")}
    with serve_caddy(tmp_path / "caddy", ports, {**site, **servers}):
        retries = urllib3.Retry(connect=50, backoff_factor=0.1, backoff_max=0.1, other=0)
        for port in (app, dagster):
            pool = urllib3.HTTPSConnectionPool(
                "127.0.0.1",
                port,
                ca_certs=str(authority.ca),
                server_hostname=HOST,
                assert_hostname=HOST,
            )
            answer = pool.request("GET", "/api/symbols", headers={"Host": HOST}, retries=retries)
            pool.close()
            assert (answer.status, answer.data) == (502, b"502 Bad Gateway")
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert "Server" not in answer.headers

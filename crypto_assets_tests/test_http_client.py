"""Proxies and certificates of the environment: none for loopback, and errors that name them."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from traceback import format_exception

import pytest

from crypto_assets.cli import served_programs
from crypto_assets.errors import (
    AlertNotSent,
    ExchangeForbidden,
    ExchangeUnavailable,
    LakeError,
    LakeUnavailable,
    OrchestratorError,
    RequestRejected,
    WrongUse,
)
from crypto_assets.exchange import BinanceRest, RequestRetryPolicy
from crypto_assets.http_client import (
    RequestTimeouts,
    find_proxies,
    open_session,
    send_request,
)
from crypto_assets.installation import PROJECT_ROOT
from crypto_assets.lake import S3Options, open_lake
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.orchestrator.webserver_client import WebserverClient
from crypto_assets.pipeline.alerting.webhook import Alert, Webhook
from crypto_assets_tests.services.scripted import Answer, scripted

ELSEWHERE = "http://exchange.example"
ONCE = RequestRetryPolicy(attempts=1)
PASSWORD = "hush-hush"
# Invalid proxy addresses, and a part of the error.
BROKEN = {
    f"http://user:{PASSWORD}@no-such-proxy.invalid:3128": "no-such-proxy.invalid:3128 set by",
    f"http://user:{PASSWORD}/x@127.0.0.1:9": "malformed",
    f"socks5://user:{PASSWORD}@127.0.0.1:9": "unsupported scheme",
    f"http://user:{PASSWORD}@{'a' * 64}.example:3128": "malformed",
    f"http://user:{PASSWORD}@127.0.0.1:99999": "malformed",
    f"http://user:[{PASSWORD}@127.0.0.1:9": "malformed",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.lower().endswith(("_proxy", "_ca_bundle")):
            monkeypatch.delenv(name)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port of this machine that refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound, not listening
        yield bound.getsockname()[1]


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_the_error_of_a_refusing_proxy_contains_its_variable_and_no_password(
    variable: str, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, f"http://user:{PASSWORD}@127.0.0.1:{silent_port}")
    proxy = f"the proxy http://127.0.0.1:{silent_port} set by {variable}"
    expected = f"{proxy} does not work (Connection refused): unset it, or add exchange.example to"
    with pytest.raises(ExchangeUnavailable) as error:
        BinanceRest(ELSEWHERE, ONCE).fetch_server_time()
    assert expected in str(error.value)
    with pytest.raises(OrchestratorError) as refused:
        Orchestrator(ELSEWHERE).list_unhealthy_daemons()
    assert expected in str(refused.value)
    with pytest.raises(AlertNotSent) as not_sent:
        Webhook(f"{ELSEWHERE}/services/{PASSWORD}").send_alerts([Alert("a", "b")])
    assert expected in str(not_sent.value)
    assert PASSWORD not in f"{error.value}{refused.value}{not_sent.value}"


@pytest.mark.parametrize("proxy", BROKEN)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_error_of_an_invalid_proxy_contains_its_variable(
    scheme: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", proxy)
    with pytest.raises((ExchangeUnavailable, WrongUse)) as error:
        BinanceRest(f"{scheme}://exchange.example", ONCE).fetch_server_time()
    message = str(error.value)
    assert BROKEN[proxy] in message and f"set by {scheme}_proxy" in message
    assert "add exchange.example to no_proxy" in message
    assert PASSWORD not in "".join(format_exception(error.value))


@pytest.mark.parametrize("login", [f"us/er:{PASSWORD}", f"user:1/2?{PASSWORD}", f"u:1 {PASSWORD}"])
def test_no_client_error_shows_an_unescaped_login(
    login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://{login}@127.0.0.1:9"
    with pytest.raises(OrchestratorError) as refused:
        Orchestrator(address).list_unhealthy_daemons()
    with pytest.raises((LakeError, WrongUse)) as unavailable:
        open_lake("s3://crypto-raw", S3Options(address, "key", "secret")).get_owner()
    with pytest.raises(WrongUse) as wrong:
        open_lake(address)
    monkeypatch.setenv("http_proxy", address)
    with pytest.raises((ExchangeUnavailable, WrongUse)) as unasked:
        BinanceRest(ELSEWHERE, ONCE).fetch_server_time()
    for error in (refused, unavailable, wrong, unasked):
        assert PASSWORD not in str(error.value)


def test_no_cause_of_an_error_shows_a_proxys_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dagster stores the causes, and `--debug` prints them."""
    monkeypatch.setenv("http_proxy", f"http://user:{PASSWORD}@127.0.0.1:99999")
    with pytest.raises(OrchestratorError) as refused:
        Orchestrator(ELSEWHERE).list_unhealthy_daemons()
    with pytest.raises(LakeUnavailable) as unavailable:
        open_lake("s3://crypto-raw", S3Options(ELSEWHERE, "key", "secret")).get_owner()
    for error in (refused.value, unavailable.value):
        assert PASSWORD not in "".join(format_exception(error))


def test_the_error_of_a_proxy_that_requires_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(lambda _: Answer(407)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with pytest.raises(ExchangeForbidden) as error:
            BinanceRest(ELSEWHERE, ONCE).fetch_server_time()
    assert f"the proxy {proxy.url} set by http_proxy requires a login" in str(error.value)


def test_requests_to_other_machines_use_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(lambda _: Answer(200, b"{}")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with open_session(ELSEWHERE) as session:
            found = send_request(
                session, "GET", f"{ELSEWHERE}/x", timeouts=RequestTimeouts(5, 5, 5), max_bytes=2
            )
        assert found.is_success
        monkeypatch.setenv("NO_PROXY", "exchange.example")
        assert find_proxies(ELSEWHERE) == {}
        assert [request.headers["Host"] for request in proxy.requests] == ["exchange.example"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_requests_to_this_machine_use_no_proxy(
    host: str, silent_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{silent_port}")
    with scripted(lambda _: Answer(200, b'{"data": {}, "serverTime": 1}')) as server:
        url = server.url.replace("127.0.0.1", host)
        BinanceRest(url, ONCE).fetch_server_time()
        Webhook(url).send_alerts([Alert("a", "b")])
        assert WebserverClient(url).run_query("{ version }") == {}
        assert served_programs.app_program(int(server.url.rpartition(":")[2]), tmp_path).is_ready()
        # The compose file's healthcheck, in a separate process.
        check = [sys.executable, str(PROJECT_ROOT / "deploy" / "healthcheck.py"), url]
        assert subprocess.run(check, check=False).returncode == 0
        assert len(server.requests) >= 5


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_error_of_a_missing_ca_file_contains_the_variable(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "/nowhere/ca.pem")
    expected = f"{variable} is /nowhere/ca.pem, which does not exist"
    secure = "https://exchange.example"
    with pytest.raises(WrongUse, match=expected):
        BinanceRest(secure)
    with pytest.raises(OrchestratorError, match=expected):
        Orchestrator(secure).list_unhealthy_daemons()
    with pytest.raises(AlertNotSent, match=expected):
        Webhook(secure).send_alerts([Alert("a", "b")])
    # Requests without TLS need no certificates.
    assert open_session("http://exchange.example")


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", "exchange .example"])
def test_a_host_that_dns_does_not_allow_is_rejected(host: str) -> None:
    with pytest.raises(WrongUse, match="1 to 63 characters"):
        BinanceRest(f"http://{host}")
    with pytest.raises(OrchestratorError, match="CRYPTO_DAGSTER_URL"):
        Orchestrator(f"http://{host}").list_unhealthy_daemons()
    with pytest.raises(AlertNotSent, match="CRYPTO_ALERT_WEBHOOK_URL"):
        Webhook(f"http://{host}/{PASSWORD}").send_alerts([Alert("a", "b")])


def test_the_error_of_a_redirect_to_such_a_host_contains_it() -> None:
    to = {"Location": f"http://{'a' * 64}.example/"}
    with (
        scripted(lambda _: Answer(302, headers=to)) as server,
        pytest.raises(RequestRejected, match=f"redirects .* to {to['Location']},"),
    ):
        BinanceRest(server.url, ONCE).fetch_server_time()

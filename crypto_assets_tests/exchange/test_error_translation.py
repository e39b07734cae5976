"""Failures and error responses of the exchange, and the client's retries and errors."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import orjson
import pytest

from crypto_assets.errors import (
    ExchangeBanned,
    ExchangeForbidden,
    ExchangeUnavailable,
    RateLimited,
    RequestRejected,
    WrongUse,
)
from crypto_assets.exchange import BinanceRest, DailyArchive
from crypto_assets.market.utc_time import from_epoch_ms, now_ms
from crypto_assets_tests.exchange import responses
from crypto_assets_tests.exchange.conftest import RETRY, Client, Serve, count_requests
from crypto_assets_tests.exchange.responses import JSON, START, date_header
from crypto_assets_tests.services.scripted import Answer, Request, in_turn

DAY = date(2024, 1, 1)
TIME = Answer(200, orjson.dumps({"serverTime": START}), JSON)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Answer(500, b"{}"), id="500"),
        pytest.param(Answer(502, b"<html>Bad Gateway</html>"), id="502"),
        pytest.param(Answer(503), id="503"),
        pytest.param(Answer(504), id="504"),
        pytest.param(Answer(cut=-1), id="cut before the answer"),
        pytest.param(Answer(200, TIME.body, JSON, cut=5), id="cut in the body"),
        pytest.param(Answer(200, TIME.body[:-4], JSON), id="truncated JSON"),
        pytest.param(Answer(200, b"<html></html>"), id="a page instead of JSON"),
        pytest.param(Answer(200, b"{}", JSON), id="another object"),
        pytest.param(Answer(200, b'{"serverTime":"soon"}', JSON), id="no time"),
    ],
)
def test_transient_failures_are_retried_up_to_the_last_attempt(
    client: Client, fault: Answer
) -> None:
    rest, server = client(in_turn(fault, fault, TIME))
    assert rest.fetch_server_time() == START
    assert count_requests(server) == 3
    rest, server = client(in_turn(fault))
    with pytest.raises(ExchangeUnavailable, match="/api/v3/time"):
        rest.fetch_server_time()
    assert count_requests(server) == RETRY.attempts


def test_a_stalled_request_times_out_and_is_retried(serve: Serve) -> None:
    stalled = threading.Event()

    def respond(_: Request) -> Answer:
        if stalled.is_set():
            return TIME
        stalled.set()
        return Answer(200, TIME.body, JSON, delay=20.0)

    server = serve(respond)
    begin = time.monotonic()
    assert BinanceRest(server.url, replace(RETRY, read_timeout=0.5)).fetch_server_time() == START
    assert time.monotonic() - begin < 15


def test_the_error_for_an_unreachable_exchange_has_its_address_and_the_reason() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but not listening
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ExchangeUnavailable) as error:
            BinanceRest(url, RETRY).fetch_server_time()
    assert f"{url}/api/v3/time does not respond (Connection refused)" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("url", ["", "binance", "ftp://api.binance.com", "https://", "http:///x"])
def test_a_malformed_address_is_wrong_use(url: str) -> None:
    with pytest.raises(WrongUse, match="is not an exchange's address"):
        BinanceRest(url)


def test_the_login_of_an_address_is_used_and_appears_in_no_error(serve: Serve) -> None:
    server = serve(lambda _: Answer(500))
    client = BinanceRest(server.url.replace("://", "://user:s3cret@"), RETRY)
    with pytest.raises(ExchangeUnavailable) as error:
        client.fetch_server_time()
    assert f"{server.url}/api/v3/time failed" in str(error.value)
    assert server.requests[0].headers["Authorization"].startswith("Basic ")
    assert client.base_url == server.url  # the gap ledger stores it
    server.stop()
    with pytest.raises(ExchangeUnavailable) as error:
        client.fetch_server_time()
    assert "s3cret" not in str(error.value)
    for address in ("user:s3cret@host", "http://user:s3cret@[::", "http://user:s3c/ret@host"):
        with pytest.raises(WrongUse, match="is not an exchange's address") as wrong:
            BinanceRest(address)
        assert "s3c" not in str(wrong.value)


def test_all_threads_wait_after_a_429(client: Client) -> None:
    is_limited = threading.Event()

    def respond(_: Request) -> Answer:
        if is_limited.is_set():
            return TIME
        is_limited.set()
        return Answer(429, responses.TOO_MUCH, {"Retry-After": "1"})

    rest, server = client(respond)
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(rest.fetch_server_time)
        is_limited.wait()
        time.sleep(0.3)  # the 429 has arrived, and its pause is not over
        others = [pool.submit(rest.fetch_server_time) for _ in range(4)]
        assert [future.result() for future in [first, *others]] == [START] * 5
    refused, *later = server.requests
    assert len(later) == 5
    assert min(request.at for request in later) - refused.at >= 1


def test_a_429_with_a_long_retry_after_raises_rate_limited_at_once(client: Client) -> None:
    rest, server = client(in_turn(Answer(429, responses.TOO_MUCH, {"Retry-After": "35"})))
    with pytest.raises(RateLimited, match="wait 35 s") as error:
        rest.fetch_server_time()
    assert error.value.retry_after == 35
    assert count_requests(server) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry-After": "437"}, 437, id="Retry-After"),
        pytest.param(
            date_header(1660090423.228 - 300), 300, id="banned until, by the server's clock"
        ),
        pytest.param(date_header(1660090423.228 - 300) | {"Retry-After": "720"}, 720, id="both"),
    ],
)
def test_the_error_for_418_has_the_end_of_the_ban(
    client: Client, headers: dict[str, str], seconds: float
) -> None:
    rest, _ = client(in_turn(Answer(418, responses.BANNED, headers)))
    with pytest.raises(ExchangeBanned, match="has banned this address until 20") as error:
        rest.fetch_server_time()
    left = error.value.until - from_epoch_ms(now_ms())
    assert timedelta(seconds=seconds - 30) < left < timedelta(seconds=seconds + 2)


def test_418_without_a_time_means_the_shortest_ban(client: Client) -> None:
    rest, _ = client(in_turn(Answer(418, b"<html>teapot</html>")))
    with pytest.raises(ExchangeBanned) as error:
        rest.fetch_server_time()
    left = error.value.until - from_epoch_ms(now_ms())
    assert timedelta(seconds=90) < left <= timedelta(seconds=120)


def test_a_ban_stops_every_thread_and_client_until_it_ends(client: Client) -> None:
    is_banned = threading.Event()

    def respond(_: Request) -> Answer:
        if is_banned.is_set():
            return Answer(418, responses.BANNED, {"Retry-After": "4"})
        return TIME

    rest, server = client(respond)
    other = BinanceRest(server.url, RETRY)
    assert other.fetch_server_time() == START
    is_banned.set()
    with pytest.raises(ExchangeBanned):
        rest.fetch_server_time()
    begin, sent = time.monotonic(), len(server.requests)
    is_banned.clear()

    def is_refused(client: BinanceRest) -> bool:
        try:
            client.fetch_server_time()
        except ExchangeBanned:
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(is_refused, [rest, other] * 20))
    assert len(server.requests) == sent
    time.sleep(max(0.0, begin + 4.05 - time.monotonic()))
    assert [rest.fetch_server_time(), other.fetch_server_time()] == [START, START]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (451, responses.RESTRICTED, "machine's region"),
        (403, responses.CLOUDFRONT, "firewall"),
    ],
)
def test_403_and_451_fail_at_once_with_advice(
    client: Client, status: int, body: bytes, reason: str
) -> None:
    rest, server = client(in_turn(Answer(status, body, {"Content-Type": "text/html"})))
    with pytest.raises(ExchangeForbidden) as error:
        rest.fetch_server_time()
    assert reason in str(error.value)
    assert "CRYPTO_EXCHANGE_URL to https://data-api.binance.vision" in str(error.value)
    assert "region" in str(error.value)
    assert "\n" not in str(error.value)
    assert count_requests(server) == 1


def test_other_errors_have_the_exchanges_code_and_message(client: Client) -> None:
    rest, server = client(in_turn(Answer(400, responses.INVALID_SYMBOL, JSON)))
    with pytest.raises(RequestRejected, match=r"symbol=NOPE.*Invalid symbol. \(-1121\)") as error:
        rest.fetch_depth("NOPE", 5)
    assert error.value.code == -1121
    assert count_requests(server) == 1


def test_404_without_json_suggests_a_wrong_address(client: Client) -> None:
    rest, _ = client(in_turn(Answer(404, b"<h1>404 Not found</h1>")))
    with pytest.raises(RequestRejected, match="HTTP 404: check the exchange's address"):
        rest.fetch_server_time()


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://user:s3cret@other.example/x", "https://other.example/x,"),
        ("/elsewhere?a=1", "{server}/elsewhere?a=1,"),
        (
            "http://other.example/%0Afaked%20line%1B%5B31m%E2%80%AE%FF/%E5%B8%81",
            "http://other.example/%0Afaked line%1B[31m%E2%80%AE%FF/币,",
        ),
        ("http://other.example/\x1b[31m\u0085", "http://other.example/%1B[31m"),
        ("http://us/er:s3cret@other.example/", "http://other.example/,"),
        ("http://[", "an unreadable address,"),
        (None, "an unreadable address,"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_the_error_has_its_target(
    serve: Serve, location: str | None, shown: str, status: int
) -> None:
    headers = {} if location is None else {"Location": location}
    server = serve(in_turn(Answer(status, b"", headers), TIME))
    with pytest.raises(RequestRejected) as error:
        BinanceRest(server.url, RETRY).fetch_server_time()
    message = str(error.value)
    assert f"(HTTP {status}) to {shown.format(server=server.url)}" in message
    assert "set CRYPTO_EXCHANGE_URL or CRYPTO_ARCHIVE_URL" in message
    assert message.isprintable() and "s3cret" not in message
    with pytest.raises(RequestRejected, match="redirects"):
        DailyArchive(serve(in_turn(Answer(status, b"", headers))).url, RETRY).fetch_day("A", DAY)
    assert len(server.requests) == 1


def test_unprintable_characters_stay_encoded_in_an_error(serve: Serve) -> None:
    server = serve(in_turn(Answer(404)))
    with pytest.raises(RequestRejected) as error:
        BinanceRest(f"{server.url}/a%0Ab%FF%C3%A9", RETRY).fetch_server_time()
    assert f"{server.url}/a%0Ab%FFé/api/v3/time" in str(error.value)


@pytest.mark.parametrize("login", ["us/er:s3cret", "user:1/2?s3cret", "user:s3cret@s3cret"])
def test_an_unescaped_login_appears_in_no_error(login: str) -> None:
    with pytest.raises((ExchangeUnavailable, WrongUse)) as error:
        BinanceRest(f"http://{login}@127.0.0.1:9", replace(RETRY, attempts=1)).fetch_server_time()
    assert "s3cret" not in str(error.value)

"""Every way in which the exchange fails or refuses, and what the client makes of it."""

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
from crypto_assets_tests.exchange import answers
from crypto_assets_tests.exchange.answers import JSON, START, date_header
from crypto_assets_tests.exchange.conftest import HASTE, Client, Serve, asked
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
def test_what_may_pass_is_asked_again_and_given_up_in_the_end(
    client: Client, fault: Answer
) -> None:
    rest, server = client(in_turn(fault, fault, TIME))
    assert rest.fetch_server_time() == START
    assert asked(server) == 3
    rest, server = client(in_turn(fault))
    with pytest.raises(ExchangeUnavailable, match="/api/v3/time"):
        rest.fetch_server_time()
    assert asked(server) == HASTE.attempts


def test_a_stall_is_cut_short_and_asked_again(serve: Serve) -> None:
    stalled = threading.Event()

    def respond(_: Request) -> Answer:
        if stalled.is_set():
            return TIME
        stalled.set()
        return Answer(200, TIME.body, JSON, delay=5.0)

    server = serve(respond)
    begin = time.monotonic()
    assert BinanceRest(server.url, replace(HASTE, read_timeout=0.5)).fetch_server_time() == START
    assert time.monotonic() - begin < 4


def test_an_exchange_that_is_not_there_is_named_with_the_reason() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening: nothing answers here
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(ExchangeUnavailable) as error:
            BinanceRest(url, HASTE).fetch_server_time()
    assert f"{url}/api/v3/time does not answer (Connection refused)" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("url", ["", "binance", "ftp://api.binance.com", "https://", "http:///x"])
def test_an_address_that_is_none_is_wrong_use(url: str) -> None:
    with pytest.raises(WrongUse, match="no address of an exchange"):
        BinanceRest(url)


def test_the_login_of_an_address_is_used_and_no_error_tells_it(serve: Serve) -> None:
    server = serve(lambda _: Answer(500))
    client = BinanceRest(server.url.replace("://", "://user:s3cret@"), HASTE)
    with pytest.raises(ExchangeUnavailable) as error:
        client.fetch_server_time()
    assert f"{server.url}/api/v3/time failed" in str(error.value)
    assert server.requests[0].headers["Authorization"].startswith("Basic ")
    assert client.base_url == server.url  # which stands in the ledger of what was fetched
    server.stop()
    with pytest.raises(ExchangeUnavailable) as error:
        client.fetch_server_time()
    assert "s3cret" not in str(error.value)
    for address in ("user:s3cret@host", "http://user:s3cret@[::", "http://user:s3c/ret@host"):
        with pytest.raises(WrongUse, match="no address of an exchange") as wrong:
            BinanceRest(address)
        assert "s3c" not in str(wrong.value)


def test_429_is_waited_out_by_all_threads(client: Client) -> None:
    told = threading.Event()

    def respond(_: Request) -> Answer:
        if told.is_set():
            return TIME
        told.set()
        return Answer(429, answers.TOO_MUCH, {"Retry-After": "1"})

    rest, server = client(respond)
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(rest.fetch_server_time)
        told.wait()
        time.sleep(0.3)  # the refusal is back, and its pause not over
        others = [pool.submit(rest.fetch_server_time) for _ in range(4)]
        assert [future.result() for future in [first, *others]] == [START] * 5
    refused, *later = server.requests
    assert len(later) == 5
    assert min(request.at for request in later) - refused.at >= 1


def test_429_that_asks_for_more_than_patience_is_passed_on_with_its_time(client: Client) -> None:
    rest, server = client(in_turn(Answer(429, answers.TOO_MUCH, {"Retry-After": "35"})))
    with pytest.raises(RateLimited, match="wait 35 s") as error:
        rest.fetch_server_time()
    assert error.value.retry_after == 35
    assert asked(server) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry-After": "437"}, 437, id="Retry-After"),
        pytest.param(date_header(1660090423.228 - 300), 300, id="banned until, by its own clock"),
        pytest.param(date_header(1660090423.228 - 300) | {"Retry-After": "720"}, 720, id="both"),
    ],
)
def test_418_says_when_the_ban_ends(
    client: Client, headers: dict[str, str], seconds: float
) -> None:
    rest, _ = client(in_turn(Answer(418, answers.BANNED, headers)))
    with pytest.raises(ExchangeBanned, match="has banned this address until 20") as error:
        rest.fetch_server_time()
    left = error.value.until - from_epoch_ms(now_ms())
    assert timedelta(seconds=seconds - 5) < left < timedelta(seconds=seconds + 2)


def test_418_without_a_time_is_the_shortest_ban(client: Client) -> None:
    rest, _ = client(in_turn(Answer(418, b"<html>teapot</html>")))
    with pytest.raises(ExchangeBanned) as error:
        rest.fetch_server_time()
    left = error.value.until - from_epoch_ms(now_ms())
    assert timedelta(seconds=115) < left <= timedelta(seconds=120)


def test_a_ban_stops_every_thread_and_client_until_it_ends(client: Client) -> None:
    is_banned = threading.Event()

    def respond(_: Request) -> Answer:
        if is_banned.is_set():
            return Answer(418, answers.BANNED, {"Retry-After": "2"})
        return TIME

    rest, server = client(respond)
    other = BinanceRest(server.url, HASTE)
    assert other.fetch_server_time() == START
    is_banned.set()
    with pytest.raises(ExchangeBanned):
        rest.fetch_server_time()
    begin, sent = time.monotonic(), len(server.requests)
    is_banned.clear()

    def refused(asking: BinanceRest) -> bool:
        try:
            asking.fetch_server_time()
        except ExchangeBanned:
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(refused, [rest, other] * 20))
    assert len(server.requests) == sent
    time.sleep(max(0.0, begin + 2.05 - time.monotonic()))
    assert [rest.fetch_server_time(), other.fetch_server_time()] == [START, START]


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [(451, answers.RESTRICTED, "its region"), (403, answers.CLOUDFRONT, "firewall")],
)
def test_403_and_451_fail_at_once_and_say_what_to_do(
    client: Client, status: int, body: bytes, why: str
) -> None:
    rest, server = client(in_turn(Answer(status, body, {"Content-Type": "text/html"})))
    with pytest.raises(ExchangeForbidden) as error:
        rest.fetch_server_time()
    assert why in str(error.value)
    assert "CRYPTO_EXCHANGE_URL=https://data-api.binance.vision" in str(error.value)
    assert "region" in str(error.value)
    assert "\n" not in str(error.value)
    assert asked(server) == 1


def test_other_refusals_carry_the_exchanges_code_and_words(client: Client) -> None:
    rest, server = client(in_turn(Answer(400, answers.INVALID_SYMBOL, JSON)))
    with pytest.raises(RequestRejected, match=r"symbol=NOPE.*Invalid symbol. \(-1121\)") as error:
        rest.fetch_depth("NOPE", 5)
    assert error.value.code == -1121
    assert asked(server) == 1


def test_a_server_that_is_no_exchange_is_said_to_be_none(client: Client) -> None:
    rest, _ = client(in_turn(Answer(404, b"<h1>404 Not found</h1>")))
    with pytest.raises(RequestRejected, match="HTTP 404: is the exchange's address right"):
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
        ("http://[", "no address that can be read,"),
        (None, "no address that can be read,"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_says_where_it_leads(
    serve: Serve, location: str | None, shown: str, status: int
) -> None:
    headers = {} if location is None else {"Location": location}
    server = serve(in_turn(Answer(status, b"", headers), TIME))
    with pytest.raises(RequestRejected) as error:
        BinanceRest(server.url, HASTE).fetch_server_time()
    said = str(error.value)
    assert f"(HTTP {status}) to {shown.format(server=server.url)}" in said
    assert "set CRYPTO_EXCHANGE_URL or CRYPTO_ARCHIVE_URL" in said
    assert said.isprintable() and "s3cret" not in said
    with pytest.raises(RequestRejected, match="redirects"):
        DailyArchive(serve(in_turn(Answer(status, b"", headers))).url, HASTE).fetch_day("A", DAY)
    assert len(server.requests) == 1


def test_what_does_not_print_stays_encoded_in_an_error(serve: Serve) -> None:
    server = serve(in_turn(Answer(404)))
    with pytest.raises(RequestRejected) as error:
        BinanceRest(f"{server.url}/a%0Ab%FF%C3%A9", HASTE).fetch_server_time()
    assert f"{server.url}/a%0Ab%FFé/api/v3/time" in str(error.value)


@pytest.mark.parametrize("login", ["us/er:s3cret", "user:1/2?s3cret", "user:s3cret@s3cret"])
def test_a_login_that_is_not_escaped_shows_in_no_error(login: str) -> None:
    with pytest.raises((ExchangeUnavailable, WrongUse)) as error:
        BinanceRest(f"http://{login}@127.0.0.1:9", replace(HASTE, attempts=1)).fetch_server_time()
    assert "s3cret" not in str(error.value)

"""Responses of a hostile exchange: each is cut by its size, its time, or its digits."""

import gzip
import io
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from hashlib import sha256

import orjson
import pytest

from crypto_assets.errors import (
    ArchiveBroken,
    ExchangeBanned,
    ExchangeError,
    ExchangeUnavailable,
    RateLimited,
    RequestRejected,
    UnknownSymbol,
)
from crypto_assets.exchange import BinanceRest, DailyArchive
from crypto_assets.exchange.response import MAX_ARCHIVE_BYTES, MAX_EXCHANGE_INFO_BYTES
from crypto_assets.http_limits import LimitedAdapter
from crypto_assets.market.intervals import Interval
from crypto_assets.market.symbols import FINEST_TICK
from crypto_assets.market.utc_time import Window
from crypto_assets_tests.exchange.conftest import RETRY, Client, Serve
from crypto_assets_tests.exchange.responses import JSON, START, info_answer, listing
from crypto_assets_tests.services.raw_http import serve_raw
from crypto_assets_tests.services.scripted import Answer, in_turn

ONCE = replace(RETRY, attempts=1)
MB = 1 << 20
DAY = date(2025, 1, 1)
NAME = f"BTCUSDT-1m-{DAY}"
HEAD = b"HTTP/1.1 200 OK\r\n"
WINDOW = Window(START, START + 60_000)


@cache
def gzip_of_blanks() -> bytes:
    """Return 800 MiB of blanks, as 0.8 MB of gzip with eight members."""
    return gzip.compress(b" " * (100 * MB)) * 8


def endlessly(*chunks: bytes) -> Iterator[bytes]:
    """Yield the first chunks, then the last one again and again."""
    yield from chunks
    while True:
        yield chunks[-1]


@contextmanager
def at_most_allocated(limit: int) -> Iterator[None]:
    """Check that no more bytes are allocated at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def fetch_page(url: str) -> object:
    rest = BinanceRest(url, ONCE)
    rest._budget.set_limit(6000)  # without a request for exchangeInfo
    return list(rest.fetch_kline_pages("BTCUSDT", Interval.M1, WINDOW))


LARGE_RESPONSES: dict[str, Callable[[], Iterable[bytes]]] = {
    "gzip of 800 MiB": lambda: [
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(gzip_of_blanks()),
        gzip_of_blanks(),
    ],
    "gzip in gzip": lambda: [
        HEAD + b"Content-Encoding: gzip, gzip\r\nConnection: close\r\n\r\n",
        gzip.compress(gzip_of_blanks()),
    ],
    "800 MiB with a length": lambda: [
        HEAD + b"Content-Length: %d\r\n\r\n" % (800 * MB),
        *[b" " * MB] * 800,
    ],
    "endless without a length": lambda: endlessly(HEAD + b"\r\n", b" " * MB),
    "endless chunks": lambda: endlessly(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"100000\r\n" + b" " * MB + b"\r\n"
    ),
    "one endless chunk": lambda: endlessly(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"fffffffffffff\r\n", b" " * MB
    ),
    "a chunk of a negative size": lambda: endlessly(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"-1\r\n", b" " * MB
    ),
    "an endless size of a chunk": lambda: endlessly(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * MB
    ),
    "endless trailers": lambda: endlessly(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 100_000
    ),
    "endless headers": lambda: endlessly(HEAD, b"X: y\r\n" * 100_000),
    "an endless header": lambda: endlessly(HEAD, b"X" * MB),
    "an endless status line": lambda: endlessly(b"HTTP/1.1 200 " + b"O" * MB),
    "endless interim responses": lambda: endlessly(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE_RESPONSES)
def test_a_large_response_is_cut(name: str) -> None:
    gzip_of_blanks()
    with serve_raw(LARGE_RESPONSES[name]) as server:
        with at_most_allocated(20 * MB), pytest.raises(ExchangeUnavailable, match="/api/v3/klines"):
            fetch_page(server.url)
        assert server.connections == 1
        # What the kernel buffers on its way is sent, but not read.
        assert server.sent_bytes < 20 * MB


@pytest.mark.slow
def test_the_error_of_a_large_response_has_the_limit() -> None:
    with (
        serve_raw(LARGE_RESPONSES["gzip of 800 MiB"]) as server,
        pytest.raises(ExchangeUnavailable, match="it sends more than 2 MB: check the exchange's"),
    ):
        fetch_page(server.url)


@pytest.mark.parametrize(
    "first",
    [
        b"",
        HEAD,
        HEAD + b"Content-Length: 1000\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["status line", "header", "body", "chunk"],
)
def test_a_slow_response_ends_by_the_deadline(first: bytes) -> None:
    """Each byte comes in time, so that no read of the socket times out."""

    def send_slowly() -> Iterator[bytes]:
        yield first
        while True:
            time.sleep(0.05)
            yield b"1"

    policy = replace(ONCE, read_timeout=90, total_timeout=0.5)
    with serve_raw(send_slowly) as server:
        before = time.monotonic()
        with pytest.raises(ExchangeUnavailable, match=r"it takes longer than 0\.5 s in all"):
            BinanceRest(server.url, policy).fetch_server_time()
        assert time.monotonic() - before < 60


@pytest.mark.parametrize("size", ["-5", "zz", "", "0x5", "5;" + "x" * 70_000])
def test_an_invalid_size_of_a_chunk_is_an_error_of_ours(size: str) -> None:
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + size.encode() + b"\r\nhello\r\n0\r\n\r\n"
    with serve_raw(lambda: [head]) as server, pytest.raises(ExchangeUnavailable):
        BinanceRest(server.url, ONCE).fetch_server_time()


@pytest.mark.slow
def test_a_list_of_all_symbols_has_a_larger_limit(serve: Serve) -> None:
    entries = [listing(f"S{number}USDT", f"S{number}") for number in range(20_000)]
    answer = info_answer(*entries)
    assert 4 * MB < len(answer.body) < MAX_EXCHANGE_INFO_BYTES
    assert (
        len(BinanceRest(serve(in_turn(answer)).url, ONCE).fetch_exchange_info().symbols) == 20_000
    )


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Encoding": "gzip"}],
    ids=["plain", "gzip"],
)
def test_connections_are_reused(client: Client, headers: dict[str, str]) -> None:
    body = b'{"serverTime":1}'
    packed = gzip.compress(body) if "Content-Encoding" in headers else body
    rest, server = client(in_turn(Answer(200, packed, headers)))
    for _ in range(3):
        rest.fetch_server_time()
    adapter = rest._transport._session.get_adapter(server.url)
    assert isinstance(adapter, LimitedAdapter)
    pools = adapter.poolmanager.pools
    (pool,) = (pools[key] for key in pools.keys())  # noqa: SIM118 - it is no mapping
    assert (pool.num_connections, pool.num_requests) == (1, 3)


@cache
def zip_of_blanks(method: int) -> bytes:
    """Return a zip of 600 MiB whose directory says that it unpacks to 100 bytes."""
    content = io.BytesIO()
    with (
        zipfile.ZipFile(content, "w", method) as archive,
        archive.open(f"{NAME}.csv", "w", force_zip64=False) as file,
    ):
        for _ in range(600):
            file.write(b" " * MB)
    size = struct.pack("<L", 600 * MB)
    assert content.getvalue().count(size) == 2
    return content.getvalue().replace(size, struct.pack("<L", 100))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "message"),
    [
        (zipfile.ZIP_DEFLATED, "CRC|unpacks to more than 16 MB"),
        (zipfile.ZIP_BZIP2, "packed in a way that the exchange does not use"),
        (zipfile.ZIP_LZMA, "packed in a way that the exchange does not use"),
    ],
    ids=["deflate", "bzip2", "lzma"],
)
def test_a_zip_that_is_larger_than_it_says_is_not_unpacked(
    serve: Serve, method: int, message: str
) -> None:
    content = zip_of_blanks(method)
    assert len(content) < MB
    checksum = f"{sha256(content).hexdigest()}  {NAME}.zip".encode()
    archive = DailyArchive(serve(in_turn(Answer(200, content), Answer(200, checksum))).url, ONCE)
    with at_most_allocated(20 * MB), pytest.raises(ArchiveBroken, match=message):
        archive.fetch_day("BTCUSDT", DAY)


@pytest.mark.slow
def test_a_zip_of_many_files_is_not_listed(serve: Serve) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number:05}", b"")
    body = content.getvalue()
    checksum = f"{sha256(body).hexdigest()}  {NAME}.zip".encode()
    client = DailyArchive(serve(in_turn(Answer(200, body), Answer(200, checksum))).url, ONCE)
    with at_most_allocated(10 * MB), pytest.raises(ArchiveBroken, match="many files"):
        client.fetch_day("BTCUSDT", DAY)


def test_an_archive_has_a_larger_limit(serve: Serve) -> None:
    server = serve(in_turn(Answer(200, b"x" * (3 * MB)), Answer(404)))
    with pytest.raises(ExchangeError, match="no CHECKSUM"):
        DailyArchive(server.url, ONCE).fetch_day("BTCUSDT", DAY)
    large = serve(in_turn(Answer(200, b"x" * (MAX_ARCHIVE_BYTES + 1))))
    with pytest.raises(ExchangeUnavailable, match="it sends more than 16 MB"):
        DailyArchive(large.url, ONCE).fetch_day("BTCUSDT", DAY)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_an_archive_is_not_followed(serve: Serve, status: int) -> None:
    inner = serve(in_turn(Answer(200, b"secret")))
    outer = serve(in_turn(Answer(status, headers={"Location": f"{inner.url}/latest/meta-data"})))
    with pytest.raises(RequestRejected, match="which is not followed"):
        DailyArchive(outer.url, ONCE).fetch_day("BTCUSDT", DAY)
    assert inner.requests == []


@pytest.mark.parametrize("seconds", ["9" * 5000, f"1{'0' * 20}", "999999999999", "86401"])
@pytest.mark.parametrize("status", [418, 429])
def test_a_demanded_wait_is_at_most_a_day(serve: Serve, status: int, seconds: str) -> None:
    server = serve(in_turn(Answer(status, headers={"Retry-After": seconds})))
    with pytest.raises((ExchangeBanned, RateLimited)) as error:
        BinanceRest(server.url, ONCE).fetch_server_time()
    if isinstance(error.value, ExchangeBanned):
        assert error.value.until <= datetime.now(UTC) + timedelta(days=1)
    else:
        assert error.value.retry_after == 86_400


def test_a_ban_until_the_year_2286_lasts_a_day(serve: Serve) -> None:
    body = b'{"code":-1003,"msg":"IP banned until 9999999999999."}'
    with pytest.raises(ExchangeBanned) as error:
        BinanceRest(serve(in_turn(Answer(418, body))).url, ONCE).fetch_server_time()
    assert error.value.until <= datetime.now(UTC) + timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-MBX-USED-WEIGHT-1M", "9" * 5000),
        ("X-MBX-USED-WEIGHT-1M", "-5"),
        ("Date", "Mon, 01 Jan 99999 00:00:00 GMT"),
        ("Date", "Thu, 01 Jan 1970 99:99:99 GMT"),
        ("Date", "Mon, 01 Jan 2025 00:00:00 -0000"),
        ("Date", "Mon, 01 Jan 9999 23:59:59 -2359"),
        ("Date", "9" * 5000),
    ],
)
def test_an_odd_header_is_ignored(serve: Serve, name: str, value: str) -> None:
    server = serve(in_turn(Answer(200, b'{"serverTime":1}', {name: value})))
    assert BinanceRest(server.url, ONCE).fetch_server_time() == 1


@pytest.mark.parametrize("time_ms", [-1, 253_402_300_800_000, 2**63, "1", 1.5, None, True])
def test_a_time_that_no_calendar_has_is_refused(serve: Serve, time_ms: object) -> None:
    server = serve(in_turn(Answer(200, orjson.dumps({"serverTime": time_ms}))))
    with pytest.raises(ExchangeUnavailable, match="not a server time"):
        BinanceRest(server.url, ONCE).fetch_server_time()


@pytest.mark.parametrize("body", [b"[" * 100_000, b"9" * MB, b"[" + b"9" * MB + b"]"])
def test_deep_and_long_json_is_refused(serve: Serve, body: bytes) -> None:
    with pytest.raises(ExchangeUnavailable, match="malformed response"):
        fetch_page(serve(in_turn(Answer(200, body))).url)


ODD_TICKS = {
    "Infinity": FINEST_TICK,
    "-Infinity": FINEST_TICK,
    "NaN": FINEST_TICK,
    "sNaN": FINEST_TICK,
    "1e999999": FINEST_TICK,
    "1e-999999": FINEST_TICK,
    "1e9999999999999999999": FINEST_TICK,
    "9" * 5000: FINEST_TICK,
    "-1": FINEST_TICK,
    "0.000000001": FINEST_TICK,
    "one": FINEST_TICK,
    "": FINEST_TICK,
    # 0 means that the exchange sets none.
    "0": FINEST_TICK,
    "0.00000000": FINEST_TICK,
    "0.01": Decimal("0.01"),
    "100": Decimal(100),
}


@pytest.mark.parametrize("text", ODD_TICKS)
def test_an_odd_tick_size_is_ignored_and_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    entry = listing("ODDUSDT", "ODD")
    entry["filters"] = [{"filterType": "PRICE_FILTER", "tickSize": text}]
    server = serve(in_turn(info_answer(listing("BTCUSDT", "BTC"), entry)))
    symbols = BinanceRest(server.url, ONCE).fetch_exchange_info().symbols
    assert symbols["BTCUSDT"].tick_size == Decimal("0.01")
    assert symbols["ODDUSDT"].tick_size == ODD_TICKS[text]
    is_unset = text in {"0", "0.00000000"}
    assert ("ODDUSDT" in caplog.text) == (ODD_TICKS[text] == FINEST_TICK and not is_unset)
    assert len(caplog.text) < 1000


@pytest.mark.parametrize("name", ["symbol", "baseAsset", "quoteAsset"])
@pytest.mark.parametrize(
    "text", ["![p](http://127.0.0.1:9/x.png)", "A" * 51, "a\x1b]0;x\x07", "", "B C"]
)
def test_a_symbol_with_markup_in_a_name_is_ignored_and_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture, name: str, text: str
) -> None:
    odd = {**listing("ODDUSDT", "ODD"), name: text}
    server = serve(in_turn(info_answer(odd, listing("BTCUSDT", "BTC"))))
    rest = BinanceRest(server.url, ONCE)
    assert list(rest.fetch_exchange_info().symbols) == ["BTCUSDT"]
    assert "ignored the symbol" in caplog.text and "\x1b" not in caplog.text
    with pytest.raises(UnknownSymbol, match="does not list ODDUSDT"):
        rest.fetch_exchange_info(["ODDUSDT"])


@pytest.mark.parametrize("limit", [0, -1, "x", "9" * 5000, None])
def test_an_odd_rate_limit_is_refused(serve: Serve, limit: object) -> None:
    body = orjson.loads(info_answer(listing("BTCUSDT", "BTC")).body)
    body["rateLimits"][1]["limit"] = limit
    server = serve(in_turn(Answer(200, orjson.dumps(body), JSON)))
    with pytest.raises(ExchangeUnavailable, match="not an exchangeInfo"):
        BinanceRest(server.url, ONCE).fetch_exchange_info()


def test_the_text_of_an_error_is_short_and_printable(serve: Serve) -> None:
    message = "\x1b]0;TITLE\x07\x1b[31m\u202e" + "x" * 100_000 + "\nsecond line"
    body = orjson.dumps({"code": -1102, "msg": message})
    with pytest.raises(RequestRejected) as error:
        BinanceRest(serve(in_turn(Answer(400, body))).url, ONCE).fetch_server_time()
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 500

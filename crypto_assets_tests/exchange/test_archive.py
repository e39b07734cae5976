"""The client of the daily archive: verified days, and every kind of damaged file."""

import io
import zipfile
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from urllib.parse import quote

import pytest

from crypto_assets.errors import (
    ArchiveBroken,
    ArchiveMissing,
    ExchangeForbidden,
    ExchangeUnavailable,
)
from crypto_assets.exchange import BinanceRest, DailyArchive
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window, day_start_ms
from crypto_assets_tests.exchange import responses
from crypto_assets_tests.exchange.conftest import RETRY, Serve
from crypto_assets_tests.exchange.responses import minutes
from crypto_assets_tests.services.exchange import StartExchange
from crypto_assets_tests.services.scripted import Answer, Request, Respond, in_turn

DAY = date(2025, 1, 1)
START = day_start_ms(DAY)
NAME = "BTCUSDT-1m-2025-01-01"
PATH = f"/data/spot/daily/klines/BTCUSDT/1m/{NAME}.zip"
ROWS = minutes(START, 1440)
HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,a,b,ignore\n"

Day = Callable[[Respond], list[KlineRow]]


@pytest.fixture
def day(serve: Serve) -> Day:
    """Fetches the day from a scripted server."""
    return lambda respond: (
        DailyArchive(serve(respond).url, RETRY).fetch_day("BTCUSDT", DAY).decode_rows()
    )


def csv(rows: list[KlineRow], microseconds: bool = False) -> str:
    def times(row: KlineRow) -> list[object]:
        if not microseconds:
            return list(row)
        opened, closed = int(row[0]) * 1000, int(row[6]) * 1000 + 999
        return [opened, *row[1:6], closed, *row[7:]]

    return "".join(",".join(map(str, times(row))) + "\n" for row in rows)


def zipped(text: str, name: str = f"{NAME}.csv") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return content.getvalue()


def published(content: bytes, checksum: bytes | None = None) -> Respond:
    """Serve one file and its checksum, by default the right one."""
    checksum_file = checksum or f"{sha256(content).hexdigest()}  {NAME}.zip".encode()
    files = {PATH: content, f"{PATH}.CHECKSUM": checksum_file}

    def respond(request: Request) -> Answer:
        body = files.get(request.path)
        return Answer(404) if body is None else Answer(200, body)

    return respond


@pytest.mark.parametrize("microseconds", [False, True])
@pytest.mark.parametrize("header", ["", HEADER])
def test_a_day_has_the_form_of_rest(day: Day, microseconds: bool, header: str) -> None:
    assert day(published(zipped(header + csv(ROWS, microseconds)))) == ROWS


def test_the_unit_is_decided_row_by_row(day: Day) -> None:
    mixed = csv(ROWS[:700]) + csv(ROWS[700:], microseconds=True)
    assert day(published(zipped(mixed))) == ROWS


def test_windows_line_ends_and_a_missing_last_one(day: Day) -> None:
    text = csv(ROWS[:3]).replace("\n", "\r\n").rstrip()
    assert day(published(zipped(text))) == ROWS[:3]


def test_an_incomplete_day_is_returned_as_it_is(day: Day) -> None:
    partial = ROWS[:100] + ROWS[900:950]
    assert day(published(zipped(csv(partial)))) == partial


def test_open_times_off_the_minute_are_kept(day: Day) -> None:
    shifted: list[KlineRow] = [[int(row[0]) + 7_301, *row[1:]] for row in ROWS[:5]]
    assert day(published(zipped(csv(shifted, microseconds=True)))) == shifted


def test_a_day_that_is_not_published_is_missing(day: Day) -> None:
    with pytest.raises(ArchiveMissing, match=f"{NAME}.zip is not published"):
        day(in_turn(Answer(404, b"<Error><Code>NoSuchKey</Code></Error>")))


GOOD = zipped(csv(ROWS))
SUM = sha256(GOOD).hexdigest()
FLIPPED = bytearray(GOOD)
FLIPPED[len(GOOD) // 2] ^= 1


@pytest.mark.parametrize(
    ("respond", "reason"),
    [
        pytest.param(
            published(GOOD, f"{'0' * 64}  {NAME}.zip".encode()),
            f"CHECKSUM is {'0' * 64}, its sha256 is {SUM}",
            id="wrong checksum",
        ),
        pytest.param(published(GOOD, b"<html>"), "CHECKSUM is malformed", id="checksum of a page"),
        pytest.param(
            published(GOOD, f"{SUM}  ETHUSDT-1m-2025-01-01.zip".encode()),
            "CHECKSUM is of b'ETHUSDT",
            id="checksum of another file",
        ),
        pytest.param(
            lambda request: Answer(200, GOOD) if request.path == PATH else Answer(404),
            "no CHECKSUM",
            id="no checksum",
        ),
        pytest.param(published(b"PK\x03\x04 rubbish"), "not a valid zip", id="no zip"),
        pytest.param(published(GOOD[:-100]), "not a valid zip", id="zip cut off"),
        pytest.param(published(bytes(FLIPPED)), "not a valid zip", id="a bit flipped before it"),
        pytest.param(published(b" "), "not a valid zip", id="nothing"),
        pytest.param(
            published(zipped(csv(ROWS), "ETHUSDT-1m-2025-01-01.csv")),
            r"it contains \['ETHUSDT-1m-2025-01-01.csv'\], not BTCUSDT",
            id="another symbol inside",
        ),
        pytest.param(published(zipped("")), "contains no candle", id="empty file"),
        pytest.param(published(zipped(HEADER)), "contains no candle", id="header alone"),
        pytest.param(published(zipped("<html>gone</html>\n")), "among its numbers", id="a page"),
        pytest.param(
            published(zipped(csv(ROWS).replace("10.5", "NaN", 1))), "among its numbers", id="NaN"
        ),
        pytest.param(
            published(zipped(csv(ROWS)[:-40])), "candle 1440 does not have 12 fields", id="cut row"
        ),
        pytest.param(
            published(zipped(csv(ROWS).replace("10.5", "", 1))),
            "candle 1 does not have 12 fields",
            id="empty field",
        ),
        pytest.param(
            published(zipped(csv([ROWS[1], ROWS[0]]))), "are not ascending", id="out of order"
        ),
        pytest.param(published(zipped(csv([ROWS[0], *ROWS]))), "are not ascending", id="doubled"),
        pytest.param(
            published(zipped(csv(minutes(START - MINUTE_MS, 5)))),
            "outside 2025-01-01",
            id="the day before",
        ),
        pytest.param(
            published(zipped(csv(minutes(START, 1441)))), "outside 2025-01-01", id="the day after"
        ),
        pytest.param(
            published(zipped(csv(ROWS).replace(f"{START},", "1.5,", 1))), "1.5", id="broken time"
        ),
    ],
)
def test_the_error_for_a_broken_day_has_the_reason(day: Day, respond: Respond, reason: str) -> None:
    with pytest.raises(ArchiveBroken, match=reason) as error:
        day(respond)
    assert f"{NAME}.zip is broken: " in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "fault", [Answer(503), Answer(200, GOOD, cut=900), Answer(cut=-1), Answer(500)]
)
def test_transport_is_retried(serve: Serve, fault: Answer) -> None:
    faults = [fault, fault]
    right = published(GOOD)
    server = serve(lambda request: faults.pop() if faults else right(request))
    assert DailyArchive(server.url, RETRY).fetch_day("BTCUSDT", DAY).decode_rows() == ROWS
    assert len(server.requests) == 4


def test_an_unavailable_server_and_a_forbidden_request(day: Day) -> None:
    with pytest.raises(ExchangeUnavailable, match="HTTP 503"):
        day(in_turn(Answer(503)))
    with pytest.raises(ExchangeForbidden, match="firewall"):
        day(in_turn(Answer(403, responses.CLOUDFRONT)))


@pytest.mark.parametrize("is_flagged", [True, False])
def test_a_symbol_of_another_script(serve: Serve, is_flagged: bool) -> None:
    """The name is UTF-8 in the zip; not every program sets the flag for it."""
    name = "币安人生USDT-1m-2025-01-01"
    written = f"{name}.csv".encode()
    plain = b"x" * len(written)
    content = zipped(csv(ROWS), f"{name}.csv" if is_flagged else plain.decode())
    content = content.replace(plain, written)
    checksum_file = f"{sha256(content).hexdigest()}  {name}.zip".encode()
    path = f"/data/spot/daily/klines/{quote('币安人生USDT')}/1m/{quote(name)}.zip"
    files = {path: content, f"{path}.CHECKSUM": checksum_file}
    server = serve(lambda request: Answer(200, files.get(request.path, b"")))
    assert DailyArchive(server.url, RETRY).fetch_day("币安人生USDT", DAY).decode_rows() == ROWS
    with pytest.raises(ArchiveBroken, match=r"龙虾USDT-1m-2025-01-01\.zip is broken"):
        DailyArchive(server.url, RETRY).fetch_day("龙虾USDT", DAY)


@pytest.mark.parametrize("day_", [date(2024, 12, 31), date(2025, 1, 1)])
def test_the_simulated_archive_equals_its_rest(
    simulated_exchange: StartExchange, day_: date
) -> None:
    server = simulated_exchange()
    archived = DailyArchive(server.archive_url, RETRY).fetch_day("SHIBUSDT", day_).decode_rows()
    rest = BinanceRest(server.url, RETRY)
    pages = rest.fetch_kline_pages("SHIBUSDT", Interval.M1, Window.of_day(day_))
    assert archived == [row for page in pages for row in page]
    assert len(archived) == DAY_MS // MINUTE_MS
    with pytest.raises(ArchiveMissing):
        DailyArchive(server.archive_url, RETRY).fetch_day("NOPEUSDT", day_)


@pytest.mark.parametrize(
    ("host", "folder"),
    [("data.binance.us", "/public_data/spot"), ("data.binance.vision", "/data/spot")],
)
def test_each_exchange_has_its_folder(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, host: str, folder: str
) -> None:
    """The proxy answers in place of the exchange."""
    monkeypatch.setenv("http_proxy", serve(in_turn(Answer(404))).url)
    day = f"http://{host}{folder}/daily/klines/BTCUSDT/1m/{NAME}.zip"
    with pytest.raises(ArchiveMissing, match=f"^{day} is not published"):
        DailyArchive(f"http://{host}", RETRY).fetch_day("BTCUSDT", DAY)

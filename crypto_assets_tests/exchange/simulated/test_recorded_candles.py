"""Recorded candles: files are served unchanged."""

import io
import re
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import requests

from crypto_assets.errors import WrongUse
from crypto_assets.exchange.simulated import RecordedCandles
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS
from crypto_assets_tests.services.exchange import ExchangeServer, StartExchange

_SIX = "open_time,open,high,low,close,volume"
_FULL = f"{_SIX},close_time,quote_volume,trade_count,taker_buy_volume,taker_buy_quote_volume"

# 2024-12-31 00:00: the archive's last day in milliseconds.
_DAY = 1_735_603_200_000


def _minute(n: int, volume: str = "1.5") -> str:
    """Return the n-th minute of the day, priced n cents above 100."""
    price = f"{100 + n / 100:.2f}"
    return f"{_DAY + n * MINUTE_MS},{price},{price},{price},{price},{volume}"


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, *lines: str) -> Path:
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return tmp_path

    return write


def _klines(server: ExchangeServer, symbol: str, interval: str = "1m", **query: Any) -> Any:
    return requests.get(
        f"{server.url}/api/v3/klines",
        params={"symbol": symbol, "interval": interval, **query},
        timeout=20,
    ).json()


def test_missing_columns_are_filled(write: Write, simulated_exchange: StartExchange) -> None:
    data = write("ABCUSDT-1m.csv", _SIX, f"{_DAY},1,2.5,0.5,1E-7,12")
    server = simulated_exchange(data=data)
    assert _klines(server, "ABCUSDT") == [
        [
            _DAY,
            *["1.00000000", "2.50000000", "0.50000000", "0.00000010", "12.00000000"],
            _DAY + 59_999,
            *["0.00000000", 0, "0.00000000", "0.00000000", "0"],
        ]
    ]
    response = requests.get(server.url, timeout=20)
    assert re.fullmatch("recorded=[0-9a-f]{16}", response.headers["X-Simulated-Exchange"])


def test_all_columns_are_read_unchanged_off_the_minute_too(
    write: Write, simulated_exchange: StartExchange
) -> None:
    odd = _DAY + 7_321
    data = write("ABCUSDT-1m.csv", _FULL, f"{odd},1,1,1,1,2,{odd + 100},3.25,4,1.125,1.75")
    [row] = _klines(simulated_exchange(data=data), "ABCUSDT")
    assert row[0] == odd and row[6] == odd + 100
    assert row[7:] == ["3.25000000", 4, "1.12500000", "1.75000000", "0"]


def test_decimals_are_rounded_to_eight_places_exactly(
    write: Write, simulated_exchange: StartExchange
) -> None:
    values = "0.30000000000000004,98765432109.123456785,1.2e3,5e-9,1e13"
    data = write("ABCUSDT-1m.csv", _SIX, f"{_DAY},{values}")
    [row] = _klines(simulated_exchange(data=data), "ABCUSDT")
    assert row[1:6] == [
        "0.30000000",
        "98765432109.12345678",
        "1200.00000000",
        "0.00000000",
        "10000000000000.00000000",
    ]


def test_holes_are_not_filled_and_larger_candles_are_built_around_them(
    write: Write, simulated_exchange: StartExchange
) -> None:
    """Minutes without volume do not open the hour, and the hole has no minutes."""
    minutes = [_minute(n, "0" if n < 5 else "1.5") for n in range(180) if not 50 <= n < 130]
    data = write("ABCBTC-1m.csv", _SIX, *minutes)
    server = simulated_exchange(data=data)
    opens = [row[0] for row in _klines(server, "ABCBTC", startTime=_DAY)]
    assert opens == [_DAY + n * MINUTE_MS for n in range(180) if not 50 <= n < 130]
    first, third = _klines(server, "ABCBTC", "1h")
    assert first[:6] == [
        _DAY,
        *["100.05000000", "100.49000000", "100.05000000", "100.49000000", "67.50000000"],
    ]
    assert third[0] == _DAY + 2 * HOUR_MS and third[1] == "101.30000000"
    [day] = _klines(server, "ABCBTC", "1d")
    assert day[1:6] == [
        *["100.05000000", "101.79000000", "100.05000000", "101.79000000"],
        "142.50000000",
    ]


def test_an_interval_with_a_file_is_served_from_it(
    write: Write, simulated_exchange: StartExchange
) -> None:
    write("ABCUSDT-1h.csv", _SIX, f"{_DAY},7,8,6,7.5,1")
    data = write("ABCUSDT-1m.csv", _SIX, *(_minute(n) for n in range(60)))
    server = simulated_exchange(data=data)
    assert _klines(server, "ABCUSDT", "1h")[0][1] == "7.00000000"
    assert _klines(server, "ABCUSDT", "2h")[0][1] == "100.00000000"


def test_a_coarser_file_is_served_outside_the_minutes_and_off_the_grid(
    write: Write, simulated_exchange: StartExchange
) -> None:
    """Hours begin before the minutes, also off the hour, and end after them."""
    odd = 28 * MINUTE_MS + 14_789
    opens = [_DAY - 30 * DAY_MS, _DAY - HOUR_MS + odd, _DAY + odd, _DAY + 2 * DAY_MS]
    hours = [f"{ms},7,8,6,7.5,1,{ms + HOUR_MS - 1},7,3,1,7" for ms in opens]
    write("ABCUSDT-1h.csv", _FULL, *hours)
    days = [f"{_DAY + n * DAY_MS},7,8,6,7.5,1" for n in range(-40, 4)]
    write("ABCUSDT-1d.csv", _SIX, *days)
    data = write("ABCUSDT-1m.csv", _SIX, *(_minute(n) for n in range(60)))
    server = simulated_exchange(data=data, now=_DAY + 10 * DAY_MS)
    assert [row[0] for row in _klines(server, "ABCUSDT", "1h")] == opens
    assert [row[0] for row in _klines(server, "ABCUSDT", "1h", startTime=0, limit=2)] == opens[:2]
    assert [row[0] for row in _klines(server, "ABCUSDT", "1h", endTime=opens[2], limit=2)] == (
        opens[1:3]
    )
    assert [row[6] - row[0] for row in _klines(server, "ABCUSDT", "1h")] == [HOUR_MS - 1] * 4
    assert [row[0] for row in _klines(server, "ABCUSDT", "1d")] == [
        _DAY + n * DAY_MS for n in range(-40, 4)
    ]
    assert len(_klines(server, "ABCUSDT")) == 60


def test_a_symbol_trades_until_its_coarser_candles_end(
    write: Write, simulated_exchange: StartExchange
) -> None:
    """A day that opened before the last minute does not extend trading."""
    write("ABCUSDT-1m.csv", _SIX, *(_minute(n) for n in range(60)))
    write("ABCUSDT-1d.csv", _SIX, f"{_DAY},7,8,6,7.5,1")
    write("XYZUSDT-1m.csv", _SIX, *(_minute(n) for n in range(60)))
    data = write("XYZUSDT-1d.csv", _SIX, *(f"{_DAY + n * DAY_MS},7,8,6,7,1" for n in range(2)))
    server = simulated_exchange(data=data, now=_DAY + 2 * HOUR_MS)

    def statuses() -> list[str]:
        response = requests.get(f"{server.url}/api/v3/exchangeInfo", timeout=20).json()
        return [entry["status"] for entry in response["symbols"]]

    assert statuses() == ["BREAK", "TRADING"]
    server.clock.set_time(_DAY + 2 * DAY_MS)
    assert statuses() == ["BREAK", "BREAK"]


@pytest.mark.parametrize(
    "minute",
    [
        pytest.param(f"{_DAY + 60_000},1,1,1,1,1,{_DAY + 50_000},1,1,1,1", id="closes-before-open"),
        pytest.param(f"{_DAY + 60_000},1,1,1,1,1,{_DAY + 125_000},1,1,1,1", id="closes-too-late"),
        pytest.param(f"{_DAY + 74_789},1,1,1,1,1,{_DAY + 134_788},1,1,1,1", id="off-the-minute"),
    ],
)
def test_irregular_minutes_are_served_unchanged(
    write: Write, simulated_exchange: StartExchange, minute: str
) -> None:
    around = [f"{_DAY + ms},1,1,1,1,1,{_DAY + ms + 59_999},1,1,1,1" for ms in (0, 180_000)]
    data = write("ABCUSDT-1m.csv", _FULL, around[0], minute, around[1])
    server = simulated_exchange(data=data, now=_DAY + HOUR_MS)
    served = [[int(row[0]), int(row[6])] for row in _klines(server, "ABCUSDT")]
    lines = (line.split(",") for line in (around[0], minute, around[1]))
    assert served == [[int(line[0]), int(line[6])] for line in lines]
    trades = requests.get(
        f"{server.url}/api/v3/trades", params={"symbol": "ABCUSDT"}, timeout=20
    ).json()
    assert sum(float(trade["qty"]) for trade in trades) == 3
    assert [trade["id"] for trade in trades] == sorted(trade["id"] for trade in trades)


def test_the_last_candle_of_a_file_is_open_until_it_closes(
    write: Write, simulated_exchange: StartExchange
) -> None:
    data = write("ABCUSDT-1h.csv", _SIX, f"{_DAY},7,8,6,7.5,100")
    server = simulated_exchange(data=data, now=_DAY + HOUR_MS // 4)
    [row] = _klines(server, "ABCUSDT", "1h")
    assert (row[1], row[5]) == ("7.00000000", "25.00000000")
    server.clock.set_time(_DAY + HOUR_MS)
    [row] = _klines(server, "ABCUSDT", "1h")
    assert [float(value) for value in row[1:6]] == [7, 8, 6, 7.5, 100]


def test_nothing_exists_beyond_the_files(write: Write, simulated_exchange: StartExchange) -> None:
    server = simulated_exchange(data=write("ABCUSDT-1h.csv", _SIX, f"{_DAY},7,8,6,7.5,1"))
    assert _klines(server, "ABCUSDT", "1m") == []
    assert _klines(server, "ABCUSDT", "1d") == []
    assert _klines(server, "BTCUSDT", "1h")["code"] == -1121
    assert _klines(server, "ABCUSDT", "1h", startTime=_DAY + 1) == []


def test_after_the_last_row_the_status_is_break(
    write: Write, simulated_exchange: StartExchange
) -> None:
    """The last minute closes at 00:10 by the exchange's clock."""
    data = write("ABCUSDT-1m.csv", _SIX, *(_minute(n) for n in range(10)))
    server = simulated_exchange(data=data, now=_DAY + 10 * MINUTE_MS - 1)
    info = f"{server.url}/api/v3/exchangeInfo"

    def entry() -> Any:
        return requests.get(info, timeout=20).json()["symbols"][0]

    assert entry()["status"] == "TRADING"
    server.clock.advance(1)
    assert entry()["status"] == "BREAK"
    assert (entry()["baseAsset"], entry()["quoteAsset"]) == ("ABC", "USDT")
    server.clock.advance(HOUR_MS)
    assert len(_klines(server, "ABCUSDT")) == 10
    [hour] = _klines(server, "ABCUSDT", "1h")
    assert hour[4] == "100.09000000" and hour[6] == _DAY + HOUR_MS - 1


def test_future_candles_are_not_served(write: Write, simulated_exchange: StartExchange) -> None:
    data = write("ABCUSDT-1m.csv", _SIX, *(_minute(n) for n in range(10)))
    server = simulated_exchange(data=data, now=_DAY + 3 * MINUTE_MS + 20_000)
    rows = _klines(server, "ABCUSDT")
    assert [row[0] for row in rows] == [_DAY + n * MINUTE_MS for n in range(4)]
    assert [row[5] for row in rows] == ["1.50000000"] * 3 + ["0.50000000"]


def test_the_daily_archive_contains_the_minutes(
    write: Write, simulated_exchange: StartExchange
) -> None:
    data = write("ABCUSDT-1m.csv", _SIX, *(_minute(n) for n in range(1438, 1442)))
    server = simulated_exchange(data=data, now=_DAY + 3 * DAY_MS)

    def lines(day: str) -> list[str]:
        name = f"ABCUSDT-1m-{day}"
        address = f"{server.archive_url}/data/spot/daily/klines/ABCUSDT/1m/{name}.zip"
        content = requests.get(address, timeout=20).content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(f"{name}.csv").decode().splitlines()

    assert [line.split(",")[0] for line in lines("2024-12-31")] == [
        str(_DAY + n * MINUTE_MS) for n in (1438, 1439)
    ]
    [row, _] = [line.split(",") for line in lines("2025-01-01")]
    assert row[0] == f"{_DAY + DAY_MS}000"
    assert row[6] == f"{_DAY + DAY_MS + 59_999}999"


@pytest.mark.parametrize(
    ("symbol", "base"),
    [("币安人生USDT", "币安人生"), ("龍" * 45 + "\U00020bb7USDT", "龍" * 45 + "\U00020bb7")],
)
def test_a_symbol_of_another_script(
    write: Write, simulated_exchange: StartExchange, symbol: str, base: str
) -> None:
    data = write(f"{symbol}-1m.csv", _SIX, *(_minute(n) for n in range(3)))
    server = simulated_exchange(data=data, now=_DAY + 3 * DAY_MS)
    assert len(_klines(server, symbol)) == 3
    info = requests.get(
        f"{server.url}/api/v3/exchangeInfo", params={"symbols": f'["{symbol}"]'}, timeout=20
    )
    assert [(one["symbol"], one["baseAsset"]) for one in info.json()["symbols"]] == [(symbol, base)]
    name = f"{symbol}-1m-2024-12-31"
    address = f"{server.archive_url}/data/spot/daily/klines/{symbol}/1m/{name}.zip"
    content = requests.get(address, timeout=20).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [f"{name}.csv"]
    checksum = requests.get(f"{address}.CHECKSUM", timeout=20).content.decode()
    assert checksum == f"{sha256(content).hexdigest()}  {name}.zip"


def test_a_book_surrounds_the_last_close_and_is_empty_without_one(
    write: Write, simulated_exchange: StartExchange
) -> None:
    write("ABCUSDT-1m.csv", _SIX)
    data = write("XYZBTC-1m.csv", _SIX, f"{_DAY},0.0000751,0.0000751,0.0000751,0.0000751,3.25")
    server = simulated_exchange(data=data)
    url = f"{server.url}/api/v3/depth"
    book = requests.get(url, params={"symbol": "XYZBTC", "limit": 5}, timeout=20).json()
    assert book["bids"][0][0] == "0.00007510" and book["asks"][0][0] > book["bids"][0][0]
    empty = requests.get(url, params={"symbol": "ABCUSDT"}, timeout=20).json()
    assert (empty["bids"], empty["asks"]) == ([], [])
    assert empty["lastUpdateId"] > 0
    assert _klines(server, "ABCUSDT") == []


def test_blank_lines_quotes_and_a_byte_order_mark_are_accepted(tmp_path: Path) -> None:
    text = f'\ufeff{_SIX}\r\n{_DAY},1,1,1,1,1\r\n\r\n{_DAY + 60_000},"2",2,2,2,2\r\n'
    (tmp_path / "ABCUSDT-1m.csv").write_bytes(text.encode())
    source = RecordedCandles(tmp_path)
    assert source.get_trading_window("ABCUSDT").end_ms == _DAY + 2 * MINUTE_MS


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], ":1: the header must begin with open_time"),
        (["open_time,open"], ":1: the header must begin with open_time"),
        ([f"{_DAY},1,1,1,1,1"], ":1: the header must begin with open_time"),
        ([f"{_SIX},color"], ":1: column 'color' is unknown or duplicate"),
        ([_SIX, _minute(0), f"{_DAY + 60_000},1,1"], ":3: 3 values for 6 columns"),
        (
            [_SIX, _minute(0), "", f"{_DAY + 60_000},1,x,1,1,1"],
            ":4: high 'x' is not a valid number",
        ),
        ([_SIX, f"{_DAY},1,NaN,1,1,1"], ":2: high 'NaN' is not a valid number"),
        ([_SIX, f"{_DAY},1,1,1,1,"], ":2: volume '' is not a valid number"),
        ([_SIX, f"{_DAY},1,1,1,1e12,1"], ":2: close '1e12' is not a valid number"),
        ([_SIX, f"{_DAY}.5,1,1,1,1,1"], ":2: open_time"),
        ([_SIX, _minute(1), _minute(0)], f":3: open_time {_DAY}: times must be ascending"),
        ([_SIX, _minute(1), _minute(1)], ":3: open_time"),
        ([_SIX, f"{_DAY}000,1,1,1,1,1"], ":2: open_time"),
    ],
)
def test_the_error_for_an_invalid_file_names_file_and_line(
    write: Write, lines: list[str], complaint: str
) -> None:
    directory = write("ABCUSDT-1m.csv", *lines)
    with pytest.raises(WrongUse) as error:
        RecordedCandles(directory)
    assert str(error.value).startswith(f"{directory / 'ABCUSDT-1m.csv'}{complaint}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["ABCUSDT.csv", "ABCUSDT-7m.csv", "abcusdt-1m.csv", f"{'A' * 51}-1m.csv", "A€-1m.csv"]
)
def test_a_file_of_another_name_is_refused(write: Write, name: str) -> None:
    with pytest.raises(WrongUse, match=r"name it \{SYMBOL\}-\{interval\}.csv"):
        RecordedCandles(write(name, _SIX))


def test_a_recording_is_identified_by_its_candles_not_by_its_files(tmp_path: Path) -> None:
    """The folder, number formats and omitted default columns make no difference."""

    def origin(folder: str, name: str, *lines: str) -> str:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("\n".join(lines) + "\n")
        return RecordedCandles(tmp_path / folder).origin

    first = origin("one", "ABCUSDT-1m.csv", _SIX, f"{_DAY},1,2.5,0.5,1E-7,12")
    full = f"{_DAY},1.0,2.50,0.50,0.0000001,12,{_DAY + 59_999},0,0,0,0"
    assert origin("two", "ABCUSDT-1m.csv", _FULL, full) == first
    others = {
        first,
        origin("price", "ABCUSDT-1m.csv", _SIX, f"{_DAY},1,2.5,0.5,2E-7,12"),
        origin("symbol", "ABDUSDT-1m.csv", _SIX, f"{_DAY},1,2.5,0.5,1E-7,12"),
        origin("interval", "ABCUSDT-1h.csv", _SIX, f"{_DAY},1,2.5,0.5,1E-7,12"),
        origin("time", "ABCUSDT-1m.csv", _SIX, f"{_DAY + 1},1,2.5,0.5,1E-7,12"),
        origin("longer", "ABCUSDT-1m.csv", _SIX, f"{_DAY},1,2.5,0.5,1E-7,12", _minute(1)),
    }
    assert len(others) == 6


def test_a_recording_lists_its_files_and_the_digests_of_their_first_rows(
    write: Write, simulated_exchange: StartExchange
) -> None:
    short = RecordedCandles(write("ABCUSDT-1m.csv", _SIX, *map(_minute, range(5))))
    server = simulated_exchange(data=write("ABCUSDT-1m.csv", _SIX, *map(_minute, range(9))))
    url = f"{server.url}/simulated/recording"
    listed = requests.get(url, timeout=20).json()["files"]["ABCUSDT-1m"]
    assert listed["rows"] == 9 and listed["digest"] != short.recording.files["ABCUSDT-1m"].digest
    prefix = requests.get(url, {"file": "ABCUSDT-1m", "rows": "5"}, timeout=20).json()
    assert prefix["digest"] == short.recording.files["ABCUSDT-1m"].digest
    for file in ("ABCUSDT-1h", "ABCUSDT", "NOPEUSDT-1m"):
        assert requests.get(url, {"file": file, "rows": "5"}, timeout=20).status_code == 404
    generated = simulated_exchange()
    assert requests.get(f"{generated.url}/simulated/recording", timeout=20).status_code == 404


def test_a_directory_without_candles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="contains no candles"):
        RecordedCandles(tmp_path)
    with pytest.raises(WrongUse, match="not a directory"):
        RecordedCandles(tmp_path / "nowhere")

"""Faults of the market and of archive files: outages, listings, revisions, broken files."""

import hashlib
import io
import zipfile
from datetime import date
from typing import Any

import pytest
import requests

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

# The minute after the current one.
_NEXT = NOON // MINUTE_MS * MINUTE_MS + MINUTE_MS
_DATE = date(2025, 3, 4)
_DAY = day_start_ms(_DATE)


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange()


def _klines(server: ExchangeServer, symbol: str = "BTCUSDT", **query: Any) -> Any:
    return requests.get(
        f"{server.url}/api/v3/klines",
        params={"symbol": symbol, "interval": "1m", **query},
        timeout=20,
    ).json()


def _opens(server: ExchangeServer, **query: Any) -> list[int]:
    return [row[0] for row in _klines(server, **query)]


def _archive(server: ExchangeServer, day: date = _DATE, suffix: str = "") -> requests.Response:
    name = f"BTCUSDT-1m-{day}.zip{suffix}"
    url = f"{server.archive_url}/data/spot/daily/klines/BTCUSDT/1m/{name}"
    return requests.get(url, timeout=20)


def _lines(content: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        [name] = archive.namelist()
        return archive.read(name).decode().splitlines()


def _agrees(server: ExchangeServer, content: bytes, day: date = _DATE) -> bool:
    digest = _archive(server, day, ".CHECKSUM").text.split()[0]
    return digest == hashlib.sha256(content).hexdigest()


def test_an_outage_removes_minutes_from_rest_and_archive_and_from_hours(
    server: ExchangeServer,
) -> None:
    start, end = _DAY + 50 * MINUTE_MS, _DAY + 130 * MINUTE_MS
    whole = _klines(server, startTime=_DAY, limit=180)
    server.faults.add_rule({"do": "outage", "start": start, "end": end})
    kept = [row for row in whole if not start <= row[0] < end]
    assert _klines(server, startTime=_DAY, endTime=_DAY + 180 * MINUTE_MS - 1) == kept
    assert len(_lines(_archive(server).content)) == 1440 - 80
    hours = _klines(server, interval="1h", startTime=_DAY, limit=3)
    assert [row[0] - _DAY for row in hours] == [0, 2 * HOUR_MS, 3 * HOUR_MS]
    assert hours[0][8] == sum(row[8] for row in whole[:50])


def test_an_outage_of_one_channel_and_one_symbol(server: ExchangeServer) -> None:
    rule = {"do": "outage", "start": _DAY, "end": _DAY + HOUR_MS, "symbol": "BTCUSDT"}
    server.faults.add_rule({**rule, "in": "archive"})
    assert _opens(server, startTime=_DAY, limit=1) == [_DAY]
    assert len(_lines(_archive(server).content)) == 1380
    assert _opens(server, symbol="ETHUSDT", startTime=_DAY, limit=1) == [_DAY]


def test_during_an_outage_there_is_no_open_candle(server: ExchangeServer) -> None:
    server.faults.add_rule({"do": "outage", "start": NOON - HOUR_MS, "end": NOON + 30_000})
    assert _opens(server, limit=1)[0] < NOON - HOUR_MS
    server.clock.advance(MINUTE_MS)
    assert _opens(server, limit=2) == [_NEXT - 61 * MINUTE_MS, _NEXT]


def test_a_symbol_appears_at_its_listing(server: ExchangeServer) -> None:
    server.faults.add_rule({"do": "list", "symbol": "SOLUSDT", "at": NOON})
    server.clock.set_time(NOON - 1)
    assert _klines(server, symbol="SOLUSDT")["code"] == -1121
    info = f"{server.url}/api/v3/exchangeInfo"
    names = [e["symbol"] for e in requests.get(info, timeout=20).json()["symbols"]]
    assert "SOLUSDT" not in names and "BTCUSDT" in names
    server.clock.set_time(NOON + 10 * MINUTE_MS)
    first = -(-NOON // MINUTE_MS) * MINUTE_MS
    assert _opens(server, symbol="SOLUSDT", startTime=0)[0] == first


def test_after_a_delisting_there_are_no_rows_and_the_status_is_break(
    server: ExchangeServer,
) -> None:
    server.faults.add_rule({"do": "delist", "symbol": "WAVESBTC", "at": NOON - HOUR_MS})
    url = f"{server.url}/api/v3/exchangeInfo"

    def status() -> str:
        info = requests.get(url, params={"symbol": "WAVESBTC"}, timeout=20).json()
        found: str = info["symbols"][0]["status"]
        return found

    assert status() == "BREAK"
    assert _opens(server, symbol="WAVESBTC", limit=1)[0] < NOON - HOUR_MS
    server.clock.set_time(NOON - HOUR_MS - 1)
    assert status() == "TRADING"


def test_a_revision_changes_published_candles_from_its_time_on(
    server: ExchangeServer,
) -> None:
    server.faults.add_rule(
        {
            "do": "revise",
            "symbol": "BTCUSDT",
            "start": _DAY,
            "end": _DAY + 2 * MINUTE_MS,
            "from": NOON,
            "change": {"close": "+0.01", "volume": "=12.5", "trade_count": "*3"},
        }
    )
    server.clock.set_time(NOON - 1)
    old = _klines(server, startTime=_DAY, limit=3)
    hour = _klines(server, interval="1h", startTime=_DAY, limit=1)[0]
    file = _archive(server).content
    server.clock.set_time(NOON)
    new = _klines(server, startTime=_DAY, limit=3)
    assert [float(n[4]) for n in new[:2]] == [pytest.approx(float(o[4]) + 0.01) for o in old[:2]]
    assert [row[5] for row in new[:2]] == ["12.50000000"] * 2
    assert [row[8] for row in new[:2]] == [row[8] * 3 for row in old[:2]]
    assert new[2] == old[2]
    revised_hour = _klines(server, interval="1h", startTime=_DAY, limit=1)[0]
    assert revised_hour[8] == hour[8] + 2 * sum(row[8] for row in old[:2])
    content = _archive(server).content
    assert content != file and _agrees(server, content)
    assert _lines(content)[0].split(",")[5] == "12.50000000"


def test_rest_and_archive_may_differ(server: ExchangeServer) -> None:
    rule = {"do": "revise", "start": _DAY, "end": _DAY + MINUTE_MS, "in": "archive"}
    server.faults.add_rule(rule)
    [row] = _klines(server, startTime=_DAY, limit=1)
    line = _lines(_archive(server).content)[0].split(",")
    assert float(line[5]) == pytest.approx(2 * float(row[5]))
    assert line[1:5] == row[1:5]


def test_a_missing_file_is_404_and_a_late_file_appears_later(
    server: ExchangeServer,
) -> None:
    server.faults.add_rule({"do": "archive", "how": "missing", "day": "2025-03-03"})
    server.faults.add_rule({"do": "archive", "how": "late", "day": "2025-03-04", "hours": 60})
    assert _archive(server, date(2025, 3, 3)).status_code == 404
    assert _archive(server, date(2025, 3, 3), ".CHECKSUM").status_code == 404
    assert _archive(server).status_code == 404
    server.clock.set_time(_DAY + DAY_MS + 60 * HOUR_MS)
    assert _archive(server).status_code == 200
    assert _archive(server, date(2025, 3, 3)).status_code == 404


@pytest.mark.parametrize("how", ["corrupt", "wrong_checksum"])
def test_a_file_that_does_not_match_its_checksum(server: ExchangeServer, how: str) -> None:
    sound = _archive(server).content
    server.faults.add_rule({"do": "archive", "how": how})
    content = _archive(server).content
    assert not _agrees(server, content)
    assert (content == sound) is (how == "wrong_checksum")


def test_a_file_without_checksum(server: ExchangeServer) -> None:
    server.faults.add_rule({"do": "archive", "how": "no_checksum"})
    assert _archive(server).status_code == 200
    assert _archive(server, suffix=".CHECKSUM").status_code == 404


@pytest.mark.parametrize("how", ["no_zip", "no_bytes", "no_member"])
def test_a_file_without_a_csv_whose_checksum_matches(server: ExchangeServer, how: str) -> None:
    server.faults.add_rule({"do": "archive", "how": how})
    content = _archive(server).content
    assert _agrees(server, content)
    if how == "no_member":
        assert zipfile.ZipFile(io.BytesIO(content)).namelist() == []
    else:
        assert not zipfile.is_zipfile(io.BytesIO(content))


def test_content_that_does_not_belong_to_the_day(server: ExchangeServer) -> None:
    lines = _lines(_archive(server).content)
    seen = {}
    for rule in (
        {"how": "empty"},
        {"how": "short", "keep": 0.25},
        {"how": "header_row"},
        {"how": "milliseconds"},
        {"how": "negative_volume", "row": 3},
        {"how": "hole", "row": 3},
    ):
        server.faults.clear_rules()
        server.faults.add_rule({"do": "archive", **rule})
        content = _archive(server).content
        assert _agrees(server, content)
        seen[rule["how"]] = _lines(content)
    assert seen["empty"] == []
    assert seen["short"] == lines[:360]
    assert seen["header_row"][0].startswith("open_time,open,")
    assert seen["header_row"][1:] == lines
    assert seen["milliseconds"][0].startswith(f"{_DAY},")
    assert seen["negative_volume"][3].split(",")[5] == "-1.00000000"
    assert seen["hole"] == lines[:3] + lines[4:]


def test_microseconds_in_a_year_of_milliseconds(server: ExchangeServer) -> None:
    day = date(2024, 5, 1)
    server.faults.add_rule({"do": "archive", "how": "microseconds", "day": str(day)})
    line = _lines(_archive(server, day).content)[0].split(",")
    assert line[0] == f"{day_start_ms(day)}000" and line[6].endswith("59999999")


def test_candles_of_another_symbol_in_a_file(server: ExchangeServer) -> None:
    server.faults.add_rule({"do": "archive", "how": "wrong_symbol", "other": "ETHUSDT"})
    content = _archive(server).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [f"ETHUSDT-1m-{_DATE}.csv"]
    [row] = _klines(server, symbol="ETHUSDT", startTime=_DAY, limit=1)
    assert _lines(content)[0].split(",")[1:6] == row[1:6]


def test_a_flaw_of_a_file_may_end(server: ExchangeServer) -> None:
    server.faults.add_rule({"do": "archive", "how": "short", "until": NOON + HOUR_MS})
    assert len(_lines(_archive(server).content)) == 720
    server.clock.advance(HOUR_MS)
    content = _archive(server).content
    assert len(_lines(content)) == 1440 and _agrees(server, content)

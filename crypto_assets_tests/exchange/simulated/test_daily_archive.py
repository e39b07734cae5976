"""The daily archive over HTTP: one zip per day, with its checksum."""

import hashlib
import io
import zipfile
from datetime import date

import pytest
import requests

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms
from crypto_assets_tests.services.exchange import ExchangeServer, StartExchange


def _file(
    server: ExchangeServer, symbol: str, day: date, interval: str = "1m", suffix: str = ""
) -> requests.Response:
    name = f"{symbol}-{interval}-{day}.zip{suffix}"
    address = f"{server.archive_url}/data/spot/daily/klines/{symbol}/{interval}/{name}"
    return requests.get(address, timeout=20)


def _lines(content: bytes, name: str) -> list[list[str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [name]
        text = archive.read(name).decode()
    assert text.endswith("\n")
    return [line.split(",") for line in text.splitlines()]


@pytest.mark.parametrize(("symbol", "interval"), [("BTCUSDT", "1m"), ("WAVESBTC", "1h")])
@pytest.mark.parametrize("day", [date(2024, 12, 31), date(2025, 1, 1)])
def test_a_day_contains_the_rows_of_rest_in_microseconds_from_2025(
    simulated_exchange: StartExchange, symbol: str, interval: str, day: date
) -> None:
    server = simulated_exchange()
    lines = _lines(_file(server, symbol, day, interval).content, f"{symbol}-{interval}-{day}.csv")
    start = day_start_ms(day)
    rest: list[list[str | int]] = []
    while page := requests.get(
        f"{server.url}/api/v3/klines",
        params={
            "symbol": symbol,
            "interval": interval,
            "startTime": rest[-1][6] if rest else start,
            "endTime": start + DAY_MS - 1,
        },
        timeout=20,
    ).json():
        rest += page
    factor, rest_of_it = (1000, 999) if day.year >= 2025 else (1, 0)
    for row in rest:
        row[0], row[6] = int(row[0]) * factor, int(row[6]) * factor + rest_of_it
    assert lines == [[str(value) for value in row] for row in rest]


def test_the_checksum_of_a_separate_request_matches(simulated_exchange: StartExchange) -> None:
    day = date(2025, 2, 1)
    first, second = simulated_exchange(), simulated_exchange()
    content = _file(first, "ETHUSDT", day).content
    line = _file(second, "ETHUSDT", day, suffix=".CHECKSUM").text
    assert line == f"{hashlib.sha256(content).hexdigest()}  ETHUSDT-1m-{day}.zip"


def test_a_day_appears_five_hours_after_its_end(simulated_exchange: StartExchange) -> None:
    day = date(2025, 2, 1)
    appears = day_start_ms(day) + DAY_MS + 5 * HOUR_MS
    server = simulated_exchange(now=appears - 1)
    early = _file(server, "BTCUSDT", day)
    assert early.status_code == 404
    assert early.headers["Content-Type"] == "application/xml"
    assert "<Code>NoSuchKey</Code>" in early.text
    assert _file(server, "BTCUSDT", day, suffix=".CHECKSUM").status_code == 404
    server.clock.advance(1)
    assert len(_lines(_file(server, "BTCUSDT", day).content, f"BTCUSDT-1m-{day}.csv")) == 1440
    assert _file(server, "BTCUSDT", day, suffix=".CHECKSUM").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "NOPEUSDT/1m/NOPEUSDT-1m-2025-02-01.zip",
        "BTCUSDT/1m/BTCUSDT-1m-2017-08-16.zip",
        "BTCUSDT/1m/BTCUSDT-1m-2025-02-31.zip",
        "BTCUSDT/1m/ETHUSDT-1m-2025-02-01.zip",
        "BTCUSDT/7m/BTCUSDT-7m-2025-02-01.zip",
        "BTCUSDT/1m/BTCUSDT-1m-2025-02-01.csv",
        "BTCUSDT/1m/",
        "",
    ],
)
def test_a_missing_file_is_no_such_key(simulated_exchange: StartExchange, path: str) -> None:
    url = f"{simulated_exchange().archive_url}/data/spot/daily/klines/{path}"
    response = requests.get(url, timeout=20)
    assert response.status_code == 404
    assert f"<Key>data/spot/daily/klines/{path}</Key>" in response.text


def test_the_first_day_is_short(simulated_exchange: StartExchange) -> None:
    day = date(2017, 8, 17)
    lines = _lines(_file(simulated_exchange(), "BTCUSDT", day).content, f"BTCUSDT-1m-{day}.csv")
    assert int(lines[0][0]) == day_start_ms(day) + 4 * HOUR_MS
    assert len(lines) == 20 * 60
    assert int(lines[-1][0]) == day_start_ms(day) + DAY_MS - MINUTE_MS


def test_reading_the_archive_costs_no_weight(simulated_exchange: StartExchange) -> None:
    server = simulated_exchange()
    response = _file(server, "BTCUSDT", date(2025, 2, 1))
    assert "X-MBX-USED-WEIGHT-1M" not in response.headers
    assert server.weights.total_weight == 0

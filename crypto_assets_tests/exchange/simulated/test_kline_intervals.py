"""Every interval of the exchange, in UTC and in other time zones."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests

from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import roll_up_periods
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, to_epoch_ms
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

_SIX = "open_time,open,high,low,close,volume"
# The instant at which each interval's newest candle of Thursday 2025-03-06 12:00:30 UTC opened.
_NEWEST = {
    "1m": (2025, 3, 6, 12, 0),
    "3m": (2025, 3, 6, 12, 0),
    "5m": (2025, 3, 6, 12, 0),
    "15m": (2025, 3, 6, 12, 0),
    "30m": (2025, 3, 6, 12, 0),
    "1h": (2025, 3, 6, 12),
    "2h": (2025, 3, 6, 12),
    "4h": (2025, 3, 6, 12),
    "6h": (2025, 3, 6, 12),
    "8h": (2025, 3, 6, 8),
    "12h": (2025, 3, 6, 12),
    "1d": (2025, 3, 6),
    "3d": (2025, 3, 5),
    "1w": (2025, 3, 3),
    "1M": (2025, 3, 1),
}


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange()


def _ms(*moment: int) -> int:
    year, month, day, *rest = moment
    return to_epoch_ms(datetime(year, month, day, *rest, tzinfo=UTC))


def _get(server: ExchangeServer, path: str = "klines", **query: Any) -> Any:
    query = {"symbol": "BNBBTC", **query}
    return requests.get(f"{server.url}/api/v3/{path}", params=query, timeout=30).json()


def test_the_offered_intervals_have_the_same_grid() -> None:
    """`Interval` and `KlineInterval` compute periods separately."""
    for interval in Interval:
        kind = KlineInterval(interval)
        assert kind.ms == interval.ms
        for ms in (0, NOON, NOON + 37 * DAY_MS, interval.floor(NOON), interval.floor(NOON) - 1):
            assert kind.floor(ms) == interval.floor(ms)
            assert kind.ceil(ms) == interval.ceil(ms)


@pytest.mark.parametrize("path", ["klines", "uiKlines"])
def test_every_interval_is_served(
    server: ExchangeServer, path: str, subtests: pytest.Subtests
) -> None:
    for interval, newest in _NEWEST.items():
        with subtests.test(interval=interval):
            rows = _get(server, path, interval=interval, limit=3)
            opened = _ms(*newest)
            assert rows[-1][0] == opened
            assert [row[6] + 1 for row in rows[:-1]] == [row[0] for row in rows[1:]]
            first = _get(server, path, interval=interval, startTime=rows[0][0], limit=1)
            assert first == rows[:1]
            minutes = server.exchange.get_klines("BNBBTC", Interval.M1, opened, NOON, 10**6)
            assert rows[-1][8] == sum(minutes["trade_count"].to_pylist())


def test_months_are_calendar_months_and_three_days_begin_at_the_first_listing(
    server: ExchangeServer,
) -> None:
    months = _get(server, interval="1M", startTime=0, limit=8)
    assert [row[0] for row in months] == [
        *(_ms(2017, month, 1) for month in (8, 9, 10, 11, 12)),
        *(_ms(2018, month, 1) for month in (1, 2, 3)),
    ]
    assert months[6][6] == _ms(2018, 3, 1) - 1
    days = _get(server, interval="1d", startTime=_ms(2018, 2, 1), endTime=_ms(2018, 2, 28))
    assert months[6][8] == sum(row[8] for row in days)
    assert [months[6][1], months[6][4]] == [days[0][1], days[-1][4]]
    threes = _get(server, interval="3d", startTime=0, limit=2)
    assert [row[0] for row in threes] == [_ms(2017, 8, 17), _ms(2017, 8, 20)]


def test_seconds_are_served_from_a_file_and_are_empty_without_one(
    tmp_path: Path, simulated_exchange: StartExchange
) -> None:
    assert _get(simulated_exchange(), interval="1s") == []
    start = NOON - NOON % DAY_MS
    rows = [f"{start + n * 1000},1,{2 + n},1,1.5,1" for n in range(150)]
    (tmp_path / "ABCUSDT-1s.csv").write_text("\n".join([_SIX, *rows]) + "\n")
    server = simulated_exchange(data=tmp_path)
    seconds = _get(server, symbol="ABCUSDT", interval="1s", limit=1000)
    assert [row[0] for row in seconds] == [start + n * 1000 for n in range(150)]
    assert seconds[0][6] == start + 999
    minutes = _get(server, symbol="ABCUSDT", interval="1m")
    assert [(row[0], float(row[2]), float(row[5])) for row in minutes] == [
        (start, 61.0, 60.0),
        (start + MINUTE_MS, 121.0, 60.0),
        (start + 2 * MINUTE_MS, 151.0, 30.0),
    ]


@pytest.mark.parametrize(
    ("zone", "offset"),
    [
        ("8", 480),
        ("08:00", 480),
        ("+08:00", 480),
        ("-1:00", -60),
        ("05:45", 345),
        ("-3:30", -210),
        ("14:00", 840),
        ("-12", -720),
        ("0", 0),
    ],
)
def test_periods_begin_in_the_time_zone(
    server: ExchangeServer, zone: str, offset: int, subtests: pytest.Subtests
) -> None:
    for interval in ("1m", "1h", "8h", "1d", "3d", "1w", "1M"):
        with subtests.test(interval=interval):
            _check_periods(server, KlineInterval(interval), zone, offset * MINUTE_MS)


def _check_periods(server: ExchangeServer, kind: KlineInterval, zone: str, shift: int) -> None:
    rows = _get(server, interval=kind, timeZone=zone, limit=2, endTime=NOON - DAY_MS)
    for opened, closed in ((row[0], row[6]) for row in rows):
        assert kind.floor(opened + shift) == opened + shift
        assert kind.floor(closed + 1 + shift) == closed + 1 + shift
    minutes = server.exchange.get_klines("BNBBTC", Interval.M1, rows[0][0], rows[0][6], 10**6)
    expected = roll_up_periods(
        minutes,
        lambda opens: pa.chunked_array([pa.array([rows[0][0]] * len(opens), pa.int64())]),
        lambda _: pa.chunked_array([pa.array([rows[0][6]])]),
    ).to_pylist()[0]
    assert rows[0][8] == expected["trade_count"]
    assert [float(rows[0][n]) for n in (1, 2, 3, 4, 5)] == [
        float(expected[name]) for name in ("open", "high", "low", "close", "volume")
    ]


def test_the_bounds_stay_in_utc(server: ExchangeServer) -> None:
    day = NOON - NOON % DAY_MS
    rows = _get(server, interval="1d", timeZone="8", startTime=day - DAY_MS, endTime=day)
    assert [row[0] for row in rows] == [day - 8 * HOUR_MS]


@pytest.mark.parametrize("zone", ["14:01", "-12:01", "15", "8:60", "UTC", "8:", "1:5"])
def test_a_time_zone_out_of_range_is_refused(server: ExchangeServer, zone: str) -> None:
    response = _get(server, interval="1d", timeZone=zone)
    assert response == {"code": -1130, "msg": "Data sent for parameter 'timeZone' is not valid."}


def test_days_of_another_time_zone_are_built_from_minutes_despite_a_file_of_days(
    tmp_path: Path, simulated_exchange: StartExchange
) -> None:
    day = NOON - NOON % DAY_MS
    minutes = [f"{day + n * MINUTE_MS},1,1,1,1,1" for n in range(600)]
    (tmp_path / "ABCUSDT-1m.csv").write_text("\n".join([_SIX, *minutes]) + "\n")
    (tmp_path / "ABCUSDT-1d.csv").write_text(f"{_SIX}\n{day},7,8,6,7.5,99\n")
    server = simulated_exchange(data=tmp_path, now=day + 2 * DAY_MS)
    utc = _get(server, symbol="ABCUSDT", interval="1d")
    assert [(row[0], float(row[5])) for row in utc] == [(day, 99.0)]
    elsewhere = _get(server, symbol="ABCUSDT", interval="1d", timeZone="-2")
    assert [(row[0], float(row[5])) for row in elsewhere] == [
        (day - 22 * HOUR_MS, 120.0),
        (day + 2 * HOUR_MS, 480.0),
    ]

"""A backfill by the command: the same end whatever happens to it on the way."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from crypto_assets.dagster_ext.run_liveness import fail_abandoned_runs
from crypto_assets.exchange.simulated import (
    DEFAULT_SEED,
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets_tests.cli.conftest import Desk, MakeDesk, desk_at
from crypto_assets_tests.services.exchange import NOON, StartExchange
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.services.s3 import S3Server

_SYMBOLS = ("--symbols", "BTCUSDT,WAVESBTC")
_RANGE = ("--from", "2025-02-20", "--to", "2025-03-06")
_MINUTES = 14 * 1440 + 720


def figures(desk: Desk) -> dict[str, Any]:
    """What the warehouse and the lake hold, without the times at which it was fetched."""
    with closing(sqlite3.connect(desk.home / "warehouse.db")) as database:
        tables = {
            "fact_klines": "symbol_id, open_time, open, high, low, close, volume, trade_count",
            "hourly_klines": "symbol_id, open_time, open, high, low, close, volume, minute_count",
            "daily_klines": "symbol_id, open_time, open, high, low, close, volume, minute_count",
            "lake_objects": "bucket, key, rows, sha256",
            "kline_gaps": "symbol_id, start, minutes",
            "stale_hours": "symbol_id, open_time",
        }
        held: dict[str, Any] = {
            name: database.execute(f"SELECT {columns} FROM {name} ORDER BY 1, 2").fetchall()
            for name, columns in tables.items()
        }
    raw = desk.home / "lake" / "raw"
    held["lake"] = sorted(str(path.relative_to(raw)) for path in raw.rglob("*_klines_*"))
    return held


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, dict[str, Any]]:
    """A desk whose backfill ran through twice, and what it held after the first time."""
    exchange = SimulatedExchange(GeneratedCandles(DEFAULT_SEED, False), SimulatedClock(NOON, 0))
    with start_exchange_server(exchange) as url:
        desk = desk_at(tmp_path_factory.mktemp("undisturbed"), url, SYMBOLS="BTCUSDT,WAVESBTC")
        assert desk.run("init").code == 0
        assert desk.run("backfill", *_SYMBOLS, *_RANGE).code == 0
        held = figures(desk)
        assert len(held["fact_klines"]) == 2 * _MINUTES
        assert desk.run("backfill", *_SYMBOLS, *_RANGE).code == 0
    return desk, held


def test_twice_is_once(undisturbed: tuple[Desk, dict[str, Any]]) -> None:
    desk, held = undisturbed
    assert figures(desk) == held


def test_killed_twice_and_repeated_is_the_same_end(
    undisturbed: tuple[Desk, dict[str, Any]],
    simulated_exchange: StartExchange,
    make_desk: MakeDesk,
) -> None:
    _, held = undisturbed
    killed = make_desk(simulated_exchange(now=NOON), SYMBOLS="BTCUSDT,WAVESBTC")
    assert killed.run("init").code == 0
    for share in (0.2, 0.6):
        _kill_at(killed, round(share * len(held["lake"])))
    assert killed.run("backfill", *_SYMBOLS, *_RANGE).code == 0
    assert figures(killed) == held
    with dg.DagsterInstance.from_config(str(killed.home / "dagster")) as instance:
        assert len(fail_abandoned_runs(instance)) == 2, "none of the killed stays STARTED"


def test_two_at_once_are_one(
    undisturbed: tuple[Desk, dict[str, Any]],
    simulated_exchange: StartExchange,
    make_desk: MakeDesk,
) -> None:
    _, held = undisturbed
    desk = make_desk(simulated_exchange(now=NOON), SYMBOLS="BTCUSDT,WAVESBTC")
    assert desk.run("init").code == 0
    pair = [desk.start("backfill", *_SYMBOLS, *_RANGE) for _ in range(2)]
    assert [process.wait(240) for process in pair] == [0, 0]
    assert figures(desk) == held


def test_months_are_the_same_days(
    undisturbed: tuple[Desk, dict[str, Any]],
    simulated_exchange: StartExchange,
    make_desk: MakeDesk,
) -> None:
    _, held = undisturbed
    desk = make_desk(
        simulated_exchange(now=NOON), SYMBOLS="BTCUSDT,WAVESBTC", PARTITION_UNIT="month"
    )
    assert desk.run("init").code == 0
    ran = desk.run("backfill", *_SYMBOLS, *_RANGE)
    assert ran.code == 0, ran.err
    assert "extended to whole months: 2025-02-01 to 2025-03-06" in ran.err
    wide = figures(desk)
    for table in ("fact_klines", "hourly_klines", "daily_klines"):
        assert set(held[table]) <= set(wide[table])


def test_on_servers_too(
    simulated_exchange: StartExchange,
    make_desk: MakeDesk,
    s3_server: S3Server,
    mariadb: DatabaseServer,
) -> None:
    desk = make_desk(
        simulated_exchange(now=NOON),
        SYMBOLS="SHIBUSDT",
        WAREHOUSE_URL=mariadb.fresh(),
        LAKE_RAW_URL=f"s3://{s3_server.bucket_name()}",
        LAKE_ARCHIVE_URL=f"s3://{s3_server.bucket_name()}",
    )
    days = ("--from", "2025-03-03", "--to", "2025-03-05")
    servers = s3_server.environment()
    assert desk.run("init", **servers).code == 0
    ran = desk.run("backfill", *days, **servers)
    assert ran.code == 0, ran.err
    ran = desk.run("verify", *days, **servers)
    assert ran.code == 0, ran.err
    assert "75 hours and days, 4320 minutes, 0 differences" in ran.out


def _kill_at(desk: Desk, objects: int) -> None:
    """Start the backfill and kill it once the lake holds so many objects."""
    process = desk.start("backfill", *_SYMBOLS, *_RANGE)
    deadline = time.monotonic() + 120
    while _objects(desk.home) < objects:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()


def _objects(home: Path) -> int:
    return len(list((home / "lake" / "raw").rglob("*_klines_*")))

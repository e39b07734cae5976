"""The command `backfill` has the same result after kills, repeats and concurrent runs."""

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
    """The content of warehouse and lake, without fetch times."""
    with closing(sqlite3.connect(desk.home / "warehouse.db")) as database:
        tables = {
            "fact_klines": "symbol_id, open_time, open, high, low, close, volume, trade_count",
            "hourly_klines": "symbol_id, open_time, open, high, low, close, volume, minute_count",
            "daily_klines": "symbol_id, open_time, open, high, low, close, volume, minute_count",
            "lake_objects": "bucket, key, rows, sha256",
            "kline_gaps": "symbol_id, start, minutes",
            "stale_hours": "symbol_id, open_time",
        }
        content: dict[str, Any] = {
            name: database.execute(f"SELECT {columns} FROM {name} ORDER BY 1, 2").fetchall()
            for name, columns in tables.items()
        }
    raw = desk.home / "lake" / "raw"
    content["lake"] = sorted(str(path.relative_to(raw)) for path in raw.rglob("*_klines_*"))
    return content


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, dict[str, Any]]:
    """A desk after two complete backfills, and its content after the first."""
    exchange = SimulatedExchange(GeneratedCandles(DEFAULT_SEED, False), SimulatedClock(NOON, 0))
    with start_exchange_server(exchange) as url:
        desk = desk_at(tmp_path_factory.mktemp("undisturbed"), url, SYMBOLS="BTCUSDT,WAVESBTC")
        assert desk.run("init").code == 0
        assert desk.run("backfill", *_SYMBOLS, *_RANGE).code == 0
        content = figures(desk)
        assert len(content["fact_klines"]) == 2 * _MINUTES
        assert desk.run("backfill", *_SYMBOLS, *_RANGE).code == 0
    return desk, content


def test_a_second_backfill_changes_nothing(undisturbed: tuple[Desk, dict[str, Any]]) -> None:
    desk, content = undisturbed
    assert figures(desk) == content


def test_a_backfill_killed_twice_and_repeated_has_the_same_result(
    undisturbed: tuple[Desk, dict[str, Any]],
    simulated_exchange: StartExchange,
    make_desk: MakeDesk,
) -> None:
    _, content = undisturbed
    killed = make_desk(simulated_exchange(now=NOON), SYMBOLS="BTCUSDT,WAVESBTC")
    assert killed.run("init").code == 0
    for share in (0.2, 0.6):
        _kill_at(killed, round(share * len(content["lake"])))
    assert killed.run("backfill", *_SYMBOLS, *_RANGE).code == 0
    assert figures(killed) == content
    with dg.DagsterInstance.from_config(str(killed.home / "dagster")) as instance:
        assert len(fail_abandoned_runs(instance)) == 2, "no killed run keeps the status STARTED"


def test_two_concurrent_backfills_have_the_same_result(
    undisturbed: tuple[Desk, dict[str, Any]],
    simulated_exchange: StartExchange,
    make_desk: MakeDesk,
) -> None:
    _, content = undisturbed
    desk = make_desk(simulated_exchange(now=NOON), SYMBOLS="BTCUSDT,WAVESBTC")
    assert desk.run("init").code == 0
    pair = [desk.start("backfill", *_SYMBOLS, *_RANGE) for _ in range(2)]
    assert [process.wait(240) for process in pair] == [0, 0]
    assert figures(desk) == content


def test_monthly_partitions_have_the_same_data(
    undisturbed: tuple[Desk, dict[str, Any]],
    simulated_exchange: StartExchange,
    make_desk: MakeDesk,
) -> None:
    _, content = undisturbed
    desk = make_desk(
        simulated_exchange(now=NOON), SYMBOLS="BTCUSDT,WAVESBTC", PARTITION_UNIT="month"
    )
    assert desk.run("init").code == 0
    ran = desk.run("backfill", *_SYMBOLS, *_RANGE)
    assert ran.code == 0, ran.err
    assert "extended to whole months: 2025-02-01 to 2025-03-06" in ran.err
    wide = figures(desk)
    for table in ("fact_klines", "hourly_klines", "daily_klines"):
        assert set(content[table]) <= set(wide[table])


def test_a_backfill_on_servers(
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
    """Start the backfill and kill it when the lake has this number of objects."""
    process = desk.start("backfill", *_SYMBOLS, *_RANGE)
    deadline = time.monotonic() + 120
    while _objects(desk.home) < objects:
        assert process.poll() is None, "the backfill ended before the kill"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()


def _objects(home: Path) -> int:
    return len(list((home / "lake" / "raw").rglob("*_klines_*")))

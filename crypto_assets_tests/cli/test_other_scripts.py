"""Symbols in other scripts and of 50 characters, from the exchange to the user, on every store."""

import csv
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import orjson
import pyarrow.parquet as pq
import pytest

from crypto_assets.errors import UnknownSymbol
from crypto_assets.market.utc_time import MINUTE_MS
from crypto_assets.market_data import MarketData
from crypto_assets.reports import Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.serving import create_context, serve_api
from crypto_assets_tests.cli.conftest import Desk, MakeDesk
from crypto_assets_tests.pipeline.conftest import TODAY_MS
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.services.s3 import S3Server

WIDE, LONG = "币安人生USDT", "龍" * 45 + "\U00020bb7USDT"
FIRST, LAST = "2025-03-04", "2025-03-05"
RANGE = ("--from", FIRST, "--to", LAST)
START, MINUTES = TODAY_MS - 2880 * MINUTE_MS, 2880


@pytest.fixture
def server(simulated_exchange: StartExchange, tmp_path: Path) -> ExchangeServer:
    """An exchange with two and a half days of both symbols, and both days in the archive."""
    folder = tmp_path / "data"
    folder.mkdir()
    for symbol, price in ((WIDE, 7), (LONG, 9)):
        rows = (
            f"{START + n * MINUTE_MS},{price}.{n % 10},{price + 1},{price},{price}.{n % 7},{n % 5}"
            for n in range(MINUTES + 720)
        )
        text = "\n".join(["open_time,open,high,low,close,volume", *rows])
        (folder / f"{symbol}-1m.csv").write_text(text + "\n")
    return simulated_exchange(now=NOON, data=folder)


def symbols_of(desk: Desk) -> str:
    """The symbols as a user types them."""
    return f"{WIDE.lower()},{LONG}"


def assert_ingested_and_shown(
    desk: Desk, tmp_path: Path, warehouse_url: str, **servers: str
) -> None:
    """Check the output and the files of every command."""
    ran = desk.run("init", **servers)
    assert (ran.code, ran.err) == (0, "")
    assert "2 symbols tracked, 2 new" in ran.out
    ran = desk.run("backfill", "--symbols", symbols_of(desk), *RANGE, **servers)
    assert ran.code == 0, ran.err
    ran = desk.run("verify", "--symbols", symbols_of(desk), *RANGE, "--json", **servers)
    assert ran.code == 0, ran.err
    found = orjson.loads(ran.out)
    assert {name: (one["compared"], one["minutes"]) for name, one in found.items()} == {
        WIDE: (50, MINUTES),
        LONG: (50, MINUTES),
    }
    ran = desk.run("rebuild", "--symbols", WIDE.lower(), *RANGE, **servers)
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"{WIDE}: 2 days from 2 objects, {MINUTES} minutes (0 were missing")
    for name in (f"{WIDE}.csv", f"{LONG}.parquet"):
        path, symbol = tmp_path / name, Path(name).stem
        chosen = ("--symbol", symbol.lower(), "--interval", "1m", *RANGE, "-o", str(path))
        ran = desk.run("export", *chosen, **servers)
        assert ran.code == 0, ran.err
    with (tmp_path / f"{WIDE}.csv").open() as file:
        assert len(list(csv.DictReader(file))) == MINUTES
    assert pq.read_table(tmp_path / f"{LONG}.parquet").num_rows == MINUTES
    _check_a_terminal_without_these_characters(desk, **servers)
    _check_partitions_in_dagster(desk)
    _check_python_and_the_api(tmp_path, warehouse_url)


def _check_a_terminal_without_these_characters(desk: Desk, **servers: str) -> None:
    ran = desk.run("status", PYTHONIOENCODING="latin-1", **servers)
    assert (ran.code, ran.err) == (0, "")
    assert "\\u5e01\\u5b89\\u4eba\\u751fUSDT" in ran.out
    ran = desk.run("verify", "--symbols", WIDE, *RANGE, PYTHONIOENCODING="latin-1", **servers)
    assert (ran.code, ran.err) == (0, "")
    assert "\\u5e01\\u5b89\\u4eba\\u751fUSDT: 50 hours and days" in ran.out
    ran = desk.run("verify", "--symbols", "龙虾USDT", *RANGE, PYTHONIOENCODING="latin-1", **servers)
    assert ran.code == 2 and "\\u9f99\\u867eUSDT is not in the warehouse" in ran.complaint


def _check_partitions_in_dagster(desk: Desk) -> None:
    with dg.DagsterInstance.from_config(str(desk.home / "dagster")) as instance:
        assert instance.get_dynamic_partitions("symbols") == [WIDE, LONG]
        keys = {f"{day}|{symbol}" for day in (FIRST, LAST) for symbol in (WIDE, LONG)}
        for asset in ("raw_klines", "fact_klines", "hourly_klines", "daily_klines"):
            assert set(instance.get_materialized_partitions(dg.AssetKey(asset))) == keys
        run = instance.get_runs()[0]
        assert run.tags["crypto/symbols"] == f"{WIDE}, {LONG}"
        assert run.run_config["ops"]["bring_klines"]["config"]["symbols"] == [WIDE, LONG]


def _check_python_and_the_api(tmp_path: Path, warehouse_url: str) -> None:
    warehouse = Warehouse(warehouse_url)
    with MarketData(Reports(warehouse)) as market:
        assert market.symbols() == [WIDE, LONG]
        assert len(market.candles(WIDE.lower(), "1h", FIRST)) == 48
        assert len(market.indicator("rsi", LONG.lower(), "1h", FIRST)) == 48
        with pytest.raises(UnknownSymbol, match="龙虾USDT is not in the warehouse"):
            market.candles("龙虾usdt")
        with serve_api(create_context(warehouse, tmp_path)) as api:
            assert [one["symbol"] for one in api.read("/api/symbols")["data"]] == [WIDE, LONG]
            for symbol in (WIDE, LONG):
                given = api.read(f"/api/klines/{quote(symbol)}", interval="1d")
                assert (given["symbol"], len(given["data"])) == (symbol, 2)


def test_on_a_directory_and_sqlite(
    server: ExchangeServer, make_desk: MakeDesk, tmp_path: Path
) -> None:
    desk = make_desk(server, SYMBOLS=f"{WIDE.lower()},{LONG}")
    url = f"sqlite:///{desk.home / 'warehouse.db'}"
    assert_ingested_and_shown(desk, tmp_path, url)
    with closing(sqlite3.connect(desk.home / "warehouse.db")) as database:
        stored = database.execute("SELECT symbol, base, quote FROM symbols ORDER BY 1").fetchall()
    assert stored == sorted((name, name.removesuffix("USDT"), "USDT") for name in (WIDE, LONG))


def test_on_mariadb_and_s3(
    server: ExchangeServer,
    make_desk: MakeDesk,
    mariadb: DatabaseServer,
    s3_server: S3Server,
    tmp_path: Path,
) -> None:
    url = mariadb.fresh()
    desk = make_desk(
        server,
        SYMBOLS=f"{WIDE.lower()},{LONG}",
        WAREHOUSE_URL=url,
        LAKE_RAW_URL=f"s3://{s3_server.bucket_name()}",
        LAKE_ARCHIVE_URL=f"s3://{s3_server.bucket_name()}",
    )
    assert_ingested_and_shown(desk, tmp_path, url, **s3_server.environment())

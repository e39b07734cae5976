"""Measures the machine's ceiling: the same rows by bare LOAD DATA and upsert."""

import time
from pathlib import Path

import pyarrow as pa
import pymysql
from pyarrow import csv
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from crypto_assets.exchange.simulated import GeneratedCandles
from crypto_assets.exchange.simulated.server import DEFAULT_SEED
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.bench.servers import Servers
from crypto_assets_tests.bench.workload import Workload

_DAYS_PER_FILE = 30
_CSV_OPTIONS = csv.WriteOptions(include_header=False, quoting_style="none")


def measure_ceiling_rows_s(servers: Servers, workload: Workload) -> float:
    """Measure the rows per second of one connection, without the time to write the files."""
    url = servers.mariadb.fresh()
    warehouse = Warehouse(url)
    warehouse.migrate_schema()
    warehouse.close()
    path = servers.folder / "ceiling.csv"
    seconds = 0.0
    with _connect(servers, url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE staging LIKE fact_klines")
        for symbol_id, symbol in enumerate(workload.symbols, 1):
            for window in _split_window(workload.window):
                _write_file(path, symbol_id, symbol, window)
                began = time.monotonic()
                _load_file(cursor, path)
                connection.commit()
                seconds += time.monotonic() - began
        cursor.execute("SELECT COUNT(*) FROM fact_klines")
        assert cursor.fetchone() == (workload.rows,)
    servers.mariadb.execute(f"DROP DATABASE {url.rpartition('/')[2]}")
    return workload.rows / seconds


def _connect(servers: Servers, url: str) -> "Connection[Cursor]":
    return pymysql.connect(
        host="127.0.0.1",
        port=servers.mariadb.port,
        user="root",
        database=url.rpartition("/")[2],
        local_infile=True,
        ssl_disabled=True,
    )


def _split_window(window: Window) -> list[Window]:
    starts = range(window.start_ms, window.end_ms, _DAYS_PER_FILE * DAY_MS)
    return [Window(start, start + _DAYS_PER_FILE * DAY_MS) & window for start in starts]


def _write_file(path: Path, symbol_id: int, symbol: str, window: Window) -> None:
    """Write a file with the columns of fact_klines, in the table's order."""
    candles = GeneratedCandles(DEFAULT_SEED).select_candles(symbol, Interval.M1, window)
    length = candles.num_rows
    rows = candles.add_column(0, "symbol_id", pa.array([symbol_id] * length))
    rows = rows.append_column("fetched_at", pa.array([window.end_ms] * length))
    rows = rows.append_column("source", pa.array(["archive"] * length))
    csv.write_csv(rows, path, _CSV_OPTIONS)


def _load_file(cursor: Cursor, path: Path) -> None:
    cursor.execute(
        "LOAD DATA LOCAL INFILE %s INTO TABLE staging FIELDS TERMINATED BY ','", (str(path),)
    )
    cursor.execute(
        "INSERT INTO fact_klines SELECT * FROM staging ON DUPLICATE KEY UPDATE"
        " open = VALUES(open), high = VALUES(high), low = VALUES(low), close = VALUES(close),"
        " volume = VALUES(volume), close_time = VALUES(close_time),"
        " quote_volume = VALUES(quote_volume), trade_count = VALUES(trade_count),"
        " taker_buy_volume = VALUES(taker_buy_volume),"
        " taker_buy_quote_volume = VALUES(taker_buy_quote_volume),"
        " fetched_at = VALUES(fetched_at), source = VALUES(source)"
    )
    cursor.execute("DELETE FROM staging")

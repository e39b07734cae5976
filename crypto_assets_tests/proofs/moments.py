"""Blocks three runs: one while it fetches, one while it loads, one while it aggregates.

The exchange does not respond for the first symbol. Another transaction locks the second symbol's
row and the third symbol's days.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import pymysql

from crypto_assets.exchange.simulated import FaultScript
from crypto_assets.market.utc_time import Window
from crypto_assets.orchestrator.run_queue import RunClass
from crypto_assets_tests.services.mariadb import DatabaseServer

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
# Three run classes, so that the runs of the three symbols run concurrently.
RUN_CLASSES = (RunClass.BACKFILL, RunClass.REPAIR, RunClass.MANUAL)
# Less than the timeout of a request, which is retried, so that the run is blocked for minutes.
_STALL_SECONDS = 60


@dataclass(frozen=True)
class BlockedRuns:
    """The blocks, and a check whether the runs have reached them."""

    faults: FaultScript
    server: DatabaseServer

    def reached(self) -> bool:
        """Whether all three runs are blocked."""
        with self.server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT trx_query FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"
            )
            waiting = " ".join(str(row[0]) for row in cursor.fetchall())
        return any(self.faults.hit_counts) and "daily_klines" in waiting and "symbols" in waiting


@contextmanager
def block_runs(
    faults: FaultScript, server: DatabaseServer, database: str, day: date
) -> Iterator[BlockedRuns]:
    """Block the runs over this day within the `with` block."""
    fetching, loading, aggregating = SYMBOLS
    faults.add_rule({"do": "stall", "seconds": _STALL_SECONDS, "symbol": fetching})
    window = Window.of_day(day)
    with server.connect(database) as connection, connection.cursor() as cursor:
        connection.begin()
        cursor.execute(
            "SELECT * FROM symbols WHERE symbol_id = %s FOR UPDATE", (_id(cursor, loading),)
        )
        cursor.execute(
            "SELECT * FROM daily_klines WHERE symbol_id = %s AND open_time BETWEEN %s AND %s"
            " FOR UPDATE",
            (_id(cursor, aggregating), window.start_ms, window.end_ms),
        )
        try:
            yield BlockedRuns(faults, server)
        finally:
            connection.rollback()
            faults.clear_rules()


def _id(cursor: pymysql.cursors.Cursor, symbol: str) -> int:
    cursor.execute("SELECT symbol_id FROM symbols WHERE symbol = %s", (symbol,))
    row = cursor.fetchone()
    assert row
    return int(row[0])

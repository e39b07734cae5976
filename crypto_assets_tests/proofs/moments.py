"""Three moments, each of a run of its own, held still: one fetches, one loads, one aggregates.

The exchange does not answer for the first symbol; another transaction holds the second's right to
write, and the third's days.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import pymysql

from crypto_assets.exchange.simulated import FaultScript
from crypto_assets.market.utc_time import Window
from crypto_assets.orchestrator.run_classes import RunClass
from crypto_assets_tests.services.mariadb import DatabaseServer

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
# Lanes that let the runs of the three symbols go side by side.
LANES = (RunClass.BACKFILL, RunClass.REPAIR, RunClass.MANUAL)
# Within what one answer may take, and asked again: held for minutes.
_STALL_SECONDS = 60


@dataclass(frozen=True)
class Held:
    """What is held still, and how to see that the runs have come to it."""

    faults: FaultScript
    server: DatabaseServer

    def reached(self) -> bool:
        """Whether all three stand where they are held."""
        with self.server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT trx_query FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"
            )
            waiting = " ".join(str(row[0]) for row in cursor.fetchall())
        return any(self.faults.hit_counts) and "daily_klines" in waiting and "symbols" in waiting


@contextmanager
def held(faults: FaultScript, server: DatabaseServer, database: str, day: date) -> Iterator[Held]:
    """Holds the three in runs over this day, until the `with` is left."""
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
            yield Held(faults, server)
        finally:
            connection.rollback()
            faults.clear_rules()


def _id(cursor: pymysql.cursors.Cursor, symbol: str) -> int:
    cursor.execute("SELECT symbol_id FROM symbols WHERE symbol = %s", (symbol,))
    row = cursor.fetchone()
    assert row
    return int(row[0])

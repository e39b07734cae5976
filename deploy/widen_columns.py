"""Widens columns of Dagster's database that its schema limits to 64 KB.

MySQL rejects longer values with error 1406. Ticks, snapshots and evaluations of many partitions are
lost, and so is the heartbeat of a daemon with error traces, which then counts as unhealthy.
Run this after each `dagster instance migrate`; it may be repeated.

The problem is https://github.com/dagster-io/dagster/issues/17982. Dagster has widened the columns
of events (https://github.com/dagster-io/dagster/pull/18120) and, in 2026, one more
(https://github.com/dagster-io/dagster/pull/33172). This script is needed until it widens these too.
"""

import os
import sys

import pymysql
from pymysql.cursors import Cursor

from crypto_assets.dagster_ext.private_api import require_no_changes
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.settings import get_settings
from crypto_assets.warehouse.engine.mysql_options import make_option_arguments

COLUMNS = (
    ("asset_check_executions", "evaluation_event"),
    ("asset_daemon_asset_evaluations", "asset_evaluation_body"),
    ("asset_event_tags", "value"),
    ("asset_keys", "asset_details"),
    ("backfill_tags", "value"),
    ("daemon_heartbeats", "body"),
    ("instigators", "instigator_body"),
    ("job_ticks", "tick_body"),
    ("jobs", "job_body"),
    ("kvs", "value"),
    ("run_tags", "value"),
    ("runs", "run_body"),
    ("snapshots", "snapshot_body"),
)
WIDER = {"text": "LONGTEXT", "mediumtext": "LONGTEXT", "blob": "LONGBLOB", "mediumblob": "LONGBLOB"}

_TYPE = """
SELECT data_type, is_nullable, character_set_name, collation_name
FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = %s AND column_name = %s
"""


def widen(cursor: Cursor) -> list[str]:
    """Widen the columns, and return those that changed as `table.column`.

    Raises UnsupportedDagster if a column does not exist, before any of them is changed.
    """
    described = {pair: _describe(cursor, *pair) for pair in COLUMNS}
    require_no_changes(
        [
            f"the database has no column {table}.{column} (for values of more than 64 KB)"
            for (table, column), found in described.items()
            if found is None
        ]
    )
    widened = []
    for (table, column), found in described.items():
        if found and found[0].lower() in WIDER:
            kind, nullable, charset, collation = found
            text = f" CHARACTER SET {charset} COLLATE {collation}" if charset else ""
            null = "NULL" if nullable == "YES" else "NOT NULL"
            wide = f"{WIDER[kind.lower()]}{text} {null}"
            cursor.execute(f"ALTER TABLE `{table}` MODIFY `{column}` {wide}")
            widened.append(f"{table}.{column}")
    return widened


def _describe(cursor: Cursor, table: str, column: str) -> tuple[str, ...] | None:
    cursor.execute(_TYPE, (table, column))
    return cursor.fetchone()


def main() -> None:
    host, settings = os.environ["DAGSTER_MYSQL_HOST"], get_settings()
    options = settings.dagster_mysql_options.get_secret_value()
    with (
        pymysql.connect(
            host=host,
            port=int(os.environ["DAGSTER_MYSQL_PORT"]),
            user="dagster",
            password=settings.dagster_mysql_password.get_secret_value(),
            database="dagster",
            **make_option_arguments(options, host, "DAGSTER_MYSQL_OPTIONS"),
        ) as connection,
        connection.cursor() as cursor,
    ):
        for name in widen(cursor):
            print(f"widened {name}")  # noqa: T201 - init's log


if __name__ == "__main__":
    try:
        main()
    except CryptoAssetsError as error:
        sys.exit(str(error))

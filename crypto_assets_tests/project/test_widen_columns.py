"""Columns of Dagster that are limited to 64 KB are widened and otherwise unchanged."""

import runpy
from functools import partial
from typing import Any

import dagster as dg
import pymysql
import pytest
import sqlalchemy
from dagster._core.utils import make_new_run_id
from dagster._daemon.types import DaemonHeartbeat
from dagster_mysql import DagsterMySQLStorage
from dagster_shared.error import SerializableErrorInfo
from pymysql.cursors import Cursor

from crypto_assets_tests.project.repository import ROOT, text
from crypto_assets_tests.services.mariadb import DatabaseServer

SCRIPT = runpy.run_path(str(ROOT / "deploy" / "widen_columns.py"))
LARGE = "x" * 200_000


def described(cursor: Cursor) -> dict[str, tuple[Any, ...]]:
    cursor.execute(
        "SELECT table_name, column_name, data_type, is_nullable, collation_name, column_default"
        " FROM information_schema.columns WHERE table_schema = DATABASE()"
    )
    return {f"{table}.{column}": tuple(rest) for table, column, *rest in cursor.fetchall()}


def indexes(cursor: Cursor) -> set[tuple[Any, ...]]:
    cursor.execute(
        "SELECT table_name, index_name, seq_in_index, column_name, sub_part, non_unique"
        " FROM information_schema.statistics WHERE table_schema = DATABASE()"
    )
    return set(cursor.fetchall())


def test_errors_and_tags_of_any_length_are_stored(mariadb: DatabaseServer) -> None:
    url = mariadb.fresh()
    storage = DagsterMySQLStorage(url)
    runs = storage.run_storage
    run_id = runs.add_run(dg.DagsterRun("ingest", make_new_run_id())).run_id
    error = SerializableErrorInfo(LARGE, stack=[], cls_name=None)
    beat = partial(DaemonHeartbeat, daemon_type="SENSOR", daemon_id="one", errors=[error])
    writes = [
        lambda: runs.add_daemon_heartbeat(beat(timestamp=1.7e9)),
        lambda: runs.add_run_tags(run_id, {"crypto/failed": LARGE}),
    ]
    for write in writes:
        with pytest.raises(sqlalchemy.exc.DataError, match="1406"):
            write()
    with mariadb.connect(url.rpartition("/")[2]) as connection, connection.cursor() as cursor:
        before = indexes(cursor)
        SCRIPT["widen"](cursor)
        assert indexes(cursor) == before
    for write in writes:
        write()
    assert runs.get_daemon_heartbeats()["SENSOR"].errors == [error]
    assert runs.get_run_tags(["crypto/failed"]) == [("crypto/failed", {LARGE})]


def test_the_columns_that_overflow_are_widened_once(mariadb: DatabaseServer) -> None:
    url = mariadb.fresh()
    DagsterMySQLStorage(url)
    insert = "INSERT INTO snapshots (snapshot_id, snapshot_body, snapshot_type) VALUES (%s, %s, 1)"
    with mariadb.connect(url.rpartition("/")[2]) as connection, connection.cursor() as cursor:
        before = described(cursor)
        with pytest.raises(pymysql.err.DataError, match="1406"):
            cursor.execute(insert, ("one", LARGE))
        widened = SCRIPT["widen"](cursor)
        assert sorted(widened) == sorted(".".join(pair) for pair in SCRIPT["COLUMNS"])
        after = described(cursor)
        cursor.execute(insert, ("one", LARGE))
        assert {name for name in after if after[name] != before[name]} == set(widened)
        assert {name: after[name][1:] for name in widened} == {
            name: before[name][1:] for name in widened
        }
        assert {after[name][0] for name in widened} == {"longtext", "longblob"}
        assert SCRIPT["widen"](cursor) == []


def test_init_widens_columns_after_dagsters_migration() -> None:
    steps = text("deploy/init.sh").splitlines()
    migrate = steps.index("dagster instance migrate")
    assert steps[migrate + 1] == "python deploy/widen_columns.py"

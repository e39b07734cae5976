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

from crypto_assets.errors import UnsupportedDagster
from crypto_assets_tests.project.repository import ROOT, text
from crypto_assets_tests.services.mariadb import DatabaseServer

SCRIPT = runpy.run_path(str(ROOT / "deploy" / "widen_columns.py"))
LARGE = "x" * 200_000
# Columns that keep Dagster's limit of 64 KB: names, keys, ids, and the tags of one materialization.
SHORT = {
    "asset_key",
    "check_name",
    "concurrency_key",
    "dagster_event_type",
    "job_name",
    "key",
    "mode",
    "partition",
    "partition_set",
    "partitions_def_name",
    "pipeline_name",
    "run_id",
    "run_storage_id",
    "selector_id",
    "step_key",
    "tags",
}


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


def test_every_column_that_can_overflow_is_widened(mariadb: DatabaseServer) -> None:
    """If this fails, Dagster has a new column of at most 64 KB: widen it, or add it to SHORT."""
    url = mariadb.fresh()
    DagsterMySQLStorage(url)
    with mariadb.connect(url.rpartition("/")[2]) as connection, connection.cursor() as cursor:
        SCRIPT["widen"](cursor)
        kinds = {name: kind for name, (kind, *_) in described(cursor).items()}
    narrow = {name for name, kind in kinds.items() if kind in ("text", "blob")}
    assert {name for name in narrow if name.partition(".")[2] not in SHORT} == set()


@pytest.mark.parametrize(
    "change", ["ALTER TABLE job_ticks DROP COLUMN tick_body", "DROP TABLE snapshots"]
)
def test_a_column_that_dagster_no_longer_has_is_named(mariadb: DatabaseServer, change: str) -> None:
    url = mariadb.fresh()
    DagsterMySQLStorage(url)
    missing = "job_ticks.tick_body" if "job_ticks" in change else "snapshots.snapshot_body"
    with mariadb.connect(url.rpartition("/")[2]) as connection, connection.cursor() as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute(change)
        before = described(cursor)
        with pytest.raises(UnsupportedDagster, match=f"has no column {missing}") as caught:
            SCRIPT["widen"](cursor)
        assert described(cursor) == before
    assert "install a version of Dagster from" in str(caught.value)


def test_init_widens_columns_after_dagsters_migration() -> None:
    steps = text("deploy/init.sh").splitlines()
    migrate = steps.index("dagster instance migrate")
    assert steps[migrate + 1] == "python deploy/widen_columns.py"

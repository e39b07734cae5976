"""What a run writes to Dagster's event log, and which partitions Dagster shows as failed."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from crypto_assets.defs.partitions import DEFAULT_PARTITIONS

_CHANGES = re.compile(r"\s*(?:UPDATE|DELETE\s+FROM|REPLACE\s+INTO)\s+[`\"]?event_logs\b", re.I)
# By file (SQLite has one for each run besides the shared one) and id.
EventRows = dict[tuple[str, int], tuple[Any, ...]]


def read_event_rows(instance: dg.DagsterInstance) -> EventRows:
    """Read every column of every row of `event_logs`."""
    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    with storage.index_connection() as connection:
        found = connection.execute(sa.text("SELECT * FROM event_logs")).mappings().all()
    rows: EventRows = {("", row["id"]): tuple(row.values()) for row in found}
    for path in Path(instance.root_directory).glob("history/runs/*-*.db"):
        with closing(sqlite3.connect(path)) as file:
            file.row_factory = sqlite3.Row
            for row in file.execute("SELECT * FROM event_logs"):
                rows[path.name, row["id"]] = tuple(row)
    return rows


@contextmanager
def require_appends_only(instance: dg.DagsterInstance) -> Iterator[None]:
    """Fail if any statement changes `event_logs`, or any of its rows is not what it was."""
    changes: list[str] = []

    def record_change(_1: Any, _2: Any, statement: str, *_3: Any) -> None:
        if _CHANGES.match(statement):
            changes.append(statement)

    before = read_event_rows(instance)
    sa.event.listen(sa.Engine, "before_cursor_execute", record_change)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", record_change)
    assert changes == []
    after = read_event_rows(instance)
    assert len(after) > len(before), "nothing was recorded"
    assert {key: after.get(key) for key in before} == before


def list_failed_keys(instance: dg.DagsterInstance, asset: str) -> set[str]:
    """List the partitions that Dagster shows as failed."""
    status = get_and_update_asset_status_cache_value(
        instance, dg.AssetKey(asset), DEFAULT_PARTITIONS.keys_def
    )
    if not status:
        return set()
    return set(
        status.deserialize_failed_partition_subsets(
            DEFAULT_PARTITIONS.keys_def
        ).get_partition_keys()
    )


def list_materialized_keys(instance: dg.DagsterInstance, run_id: str, asset: str) -> list[str]:
    """List the partitions of an asset that a run has materialized, sorted."""
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    events = [
        record.event_log_entry.get_dagster_event()
        for record in instance.get_records_for_run(run_id, of_type=kind).records
    ]
    return sorted(str(event.partition) for event in events if event.asset_key == dg.AssetKey(asset))


def list_planned_keys(instance: dg.DagsterInstance, run_id: str) -> list[tuple[str, str | None]]:
    """List the assets, each with its partition if it has one, that are planned for a run."""
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    events = [
        record.event_log_entry.get_dagster_event()
        for record in instance.get_records_for_run(run_id, of_type=kind).records
    ]
    return [
        (event.asset_key.to_user_string(), event.partition) for event in events if event.asset_key
    ]

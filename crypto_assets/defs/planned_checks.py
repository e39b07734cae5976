"""Takes back what Dagster plans of checks for a run that judges none."""

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

_BACKFILL = "dagster/backfill"


def judges(run: dg.DagsterRun) -> bool:
    """False for a backfill, whose time would double, unless it is one of checks alone."""
    return _BACKFILL not in run.tags or not run.asset_selection


def forget_planned_checks(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Delete the run's planned verdicts, each partition's of each check of its assets.

    A backfill cannot be told to leave checks out. The plan hides the partition's last verdict, and
    where none follows it Dagster's pages show a failure, or at best "Skipped". Its interface has
    nothing for it, so that its table is written to.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
    table = AssetCheckExecutionsTable.c
    for record in instance.get_records_for_run(run.run_id, of_type=kind).records:
        event = record.event_log_entry.get_dagster_event()
        check = event.asset_check_planned_data.asset_check_key
        planned = AssetCheckExecutionsTable.delete().where(
            table.asset_key == check.asset_key.to_string(),
            table.check_name == check.name,
            table.run_id == run.run_id,
            table.execution_status == AssetCheckExecutionRecordStatus.PLANNED.value,
        )
        with storage.index_connection() as connection:
            connection.execute(planned)

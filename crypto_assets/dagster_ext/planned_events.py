"""Corrects what Dagster plans for a run: partitions that it may skip, and checks that it skips.

Dagster plans every partition, asset and check of a run's range. If the run fails, each planned
partition without a materialization is shown as failed until it is materialized again: one failed
symbol would turn the days of all other symbols red. Dagster has no API for a smaller plan, so this
module writes to two tables of its event log.
"""

import dagster as dg

# The tables and event data of Dagster's event log; none of them is exported.
from dagster._core.events import AssetMaterializationPlannedData
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorage, SqlEventLogStorageTable
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

from crypto_assets.orchestrator.run_queue import BACKFILL_ID_TAG, INGEST_MODE_TAG

_MATERIALIZATION_PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
_CHECK_PLANNED = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED


def should_run_checks(run: dg.DagsterRun, *, has_assets: bool) -> bool:
    """Whether a run evaluates checks: a backfill of assets skips them, which halves its time."""
    return not (has_assets and BACKFILL_ID_TAG in run.tags)


def covers_every_key(run: dg.DagsterRun) -> bool:
    """Whether a run processes every partition in its range; with an ingest mode it skips some."""
    return INGEST_MODE_TAG not in run.tags


def clear_planned_keys(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Restore the status that each of the run's partitions had before.

    The events stay and lose their partition. SQLite would reuse the id of a deleted event, and a
    reader that has reached that id would miss the next event.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    table = SqlEventLogStorageTable
    planned = table.update().where(
        table.c.run_id == run.run_id, table.c.dagster_event_type == _MATERIALIZATION_PLANNED.value
    )
    with storage.index_connection() as connection:
        connection.execute(planned.values(partition=None))


def report_planned_key(
    context: dg.AssetExecutionContext, asset: dg.AssetKey, partition: str
) -> None:
    """Plan one partition, so that Dagster shows it as failed when the run fails."""
    data = AssetMaterializationPlannedData(asset, partition=partition)
    event = dg.DagsterEvent.build_asset_materialization_planned_event(
        context.run.job_name, context.op_execution_context.op.name, data
    )
    context.instance.report_dagster_event(event, context.run.run_id)


def delete_planned_checks(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Delete the check evaluations that the run has planned and not reported.

    They hide the partition's last evaluation: Dagster's UI shows a failure or "Skipped" instead.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    table = AssetCheckExecutionsTable.c
    for record in instance.get_records_for_run(run.run_id, of_type=_CHECK_PLANNED).records:
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

"""What Dagster plans for a run, where the run knows better: keys it may leave alone, and checks.

Dagster plans the whole rectangle of a run's keys and assets, with all checks, and cannot be told
otherwise. Of a failed run it then calls each planned key failed that was not materialised, until
that key is materialised again: one bad symbol would turn the days of all others red. Its interface
has nothing for it, so that two of its tables are written to.
"""

import dagster as dg
from dagster._core.events import AssetMaterializationPlannedData
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorage, SqlEventLogStorageTable
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

from crypto_assets.orchestrator.run_classes import INGEST_MODE_TAG

_BACKFILL_TAG = "dagster/backfill"
_MATERIALIZATION_PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
_CHECK_PLANNED = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED


def should_run_checks(run: dg.DagsterRun, *, brings: bool) -> bool:
    """Not a backfill that `brings` assets too, whose time would double."""
    return not (brings and _BACKFILL_TAG in run.tags)


def covers_every_key(run: dg.DagsterRun) -> bool:
    """False for an errand, which looks for what is due within its rectangle of keys."""
    return INGEST_MODE_TAG not in run.tags


def clear_planned_keys(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Let every key of the run keep the status that it had before.

    The events stay, without their key: on SQLite the number of one that goes would be given again,
    and who has read up to it would miss its successor.
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


def report_planned_key(context: dg.AssetExecutionContext, asset: str, partition: str) -> None:
    """Have a key of an errand, which fails, be called failed."""
    data = AssetMaterializationPlannedData(dg.AssetKey(asset), partition=partition)
    event = dg.DagsterEvent.build_asset_materialization_planned_event(
        context.run.job_name, context.op_execution_context.op.name, data
    )
    context.instance.report_dagster_event(event, context.run.run_id)


def delete_planned_checks(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Delete the verdicts that the run has planned and not given.

    Such a plan hides the partition's last verdict, and Dagster's pages show a failure, or at best
    "Skipped".
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

"""What Dagster plans for a run: a failed partition is added, checks that the run skips are removed.

Event logs are only appended to. `test_planned_events.py` fails if Dagster changes what this needs.
"""

import dagster as dg

# The data of an event, and two parts of the event log's storage; Dagster exports none of them.
from dagster._core.events import AssetMaterializationPlannedData
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

from crypto_assets.orchestrator.run_queue import BACKFILL_ID_TAG

_CHECK_PLANNED = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED


def should_run_checks(run: dg.DagsterRun, *, has_assets: bool) -> bool:
    """Whether a run evaluates checks: a backfill of assets skips them, which halves its time."""
    return not (has_assets and BACKFILL_ID_TAG in run.tags)


def report_planned_key(
    instance: dg.DagsterInstance, run: dg.DagsterRun, step: str, asset: dg.AssetKey, partition: str
) -> None:
    """Plan one partition, so that Dagster shows it as failed when the run fails.

    Dagster has no event for a failed partition of a run that processes several, and derives that
    status from planned partitions: https://github.com/dagster-io/dagster/issues/17836.
    """
    data = AssetMaterializationPlannedData(asset, partition=partition)
    event = dg.DagsterEvent.build_asset_materialization_planned_event(run.job_name, step, data)
    instance.report_dagster_event(event, run.run_id)


def delete_planned_checks(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Delete the check evaluations that a run has planned and will not report.

    Dagster plans every check of a backfill's assets, and neither its UI nor its API can leave them
    out. The planned ones would hide the last evaluation of each partition behind "Skipped":
    https://github.com/dagster-io/dagster/issues/28461 asks for checks that a run may skip. The rows
    are the status of checks, beside the event log, which keeps the events.
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

"""Partition by partition: good keys are logged as materialised, bad ones are named at the end."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from crypto_assets.dagster_ext.planned_events import covers_every_key, report_planned_key
from crypto_assets.defs.metadata import partition_metadata
from crypto_assets.defs.partitions import date_key
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.orchestrator.failure_reasons import build_failure_tag
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.bootstrap import require_stores_ready
from crypto_assets.pipeline.stages.results import DayOutcome

_MAX_NAMED_PARTITIONS = 10


@dataclass(frozen=True)
class FailedPartition:
    asset: str
    partition: str
    reason: str


def log_materializations(
    context: dg.AssetExecutionContext, outcomes: Iterable[DayOutcome]
) -> list[FailedPartition]:
    """Log a materialisation for each key all of whose days are good; answer the bad keys.

    Of an errand those are planned here, so that they alone turn red. `outcomes` must hold every
    day of the keys that it touches.
    """
    bad = []
    for (stage, partition), days in _group_by_partition(outcomes).items():
        if failed := [day for day in days if day.error]:
            bad.append(FailedPartition(stage, str(partition), str(failed[0].error)))
            context.log.error(f"{stage} {partition}: {failed[0].error}")
            if not covers_every_key(context.run):
                report_planned_key(context, stage, str(partition))
        else:
            context.log_event(
                dg.AssetMaterialization(
                    stage, partition=partition, metadata=partition_metadata(days)
                )
            )
    return bad


def collect_partition_keys(outcomes: Iterable[DayOutcome]) -> set[str]:
    """The partitions in which their days lie."""
    return {str(_build_partition_key(outcome)) for outcome in outcomes}


def fail_unless_stores_ready(context: dg.AssetExecutionContext, platform: PipelineContext) -> None:
    """Raises Failure unless warehouse and lake are ready and belong to this exchange."""
    try:
        require_stores_ready(platform)
    except CryptoAssetsError as error:
        raise _build_run_failure(context, str(error)) from error


def raise_for_failed_partitions(
    context: dg.AssetExecutionContext, bad: Sequence[FailedPartition]
) -> None:
    """Raises Failure, naming the keys, unless there is none."""
    if not bad:
        return
    partitions = list(dict.fromkeys(key.partition for key in bad))
    named = ", ".join(partitions[:_MAX_NAMED_PARTITIONS])
    more = (
        f" and {len(partitions) - _MAX_NAMED_PARTITIONS} more"
        if len(partitions) > _MAX_NAMED_PARTITIONS
        else ""
    )
    raise _build_run_failure(
        context,
        f"{len(partitions)} partitions failed: {named}{more}. {bad[0].reason}",
        {"failed": [f"{key.asset} {key.partition}: {key.reason}" for key in bad]},
    )


def _build_run_failure(
    context: dg.AssetExecutionContext, reason: str, metadata: Mapping[str, Any] | None = None
) -> dg.Failure:
    """What fails the run, and says why in a tag too, which the command, the app and the API read.

    Not tried again by the step: the client has retried what could be; the run's own retry is the
    instance's.
    """
    context.instance.add_run_tags(context.run.run_id, build_failure_tag(context.run.run_id, reason))
    return dg.Failure(reason, metadata=metadata, allow_retries=False)


def _group_by_partition(
    outcomes: Iterable[DayOutcome],
) -> dict[tuple[str, dg.MultiPartitionKey], list[DayOutcome]]:
    found: dict[tuple[str, dg.MultiPartitionKey], list[DayOutcome]] = {}
    for outcome in outcomes:
        found.setdefault((outcome.stage.value, _build_partition_key(outcome)), []).append(outcome)
    return found


def _build_partition_key(outcome: DayOutcome) -> dg.MultiPartitionKey:
    return dg.MultiPartitionKey({"date": date_key(outcome.day), "symbol": outcome.symbol})

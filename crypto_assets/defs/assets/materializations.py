"""Materializations per partition: log successful keys, and fail the run with the failed ones."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from crypto_assets.dagster_ext.planned_events import report_planned_key
from crypto_assets.defs.markets import MarketSpec
from crypto_assets.defs.metadata import partition_metadata
from crypto_assets.defs.partitions import SymbolKeys
from crypto_assets.defs.run_partitions import (
    PartitionsConfig,
    StepContext,
    describe_invalid_config,
    get_step_name,
    group_requested_keys,
    has_planned_partitions,
)
from crypto_assets.errors import CryptoAssetsError, OrchestratorError
from crypto_assets.orchestrator.failure_reasons import build_failure_tag
from crypto_assets.orchestrator.partition_keys import format_partition_key
from crypto_assets.orchestrator.run_queue import get_ingest_mode
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.bootstrap import require_stores_ready
from crypto_assets.pipeline.stages.results import DayOutcome
from crypto_assets.service_waiter import (
    MAX_OUTAGE_SECONDS,
    TICK_EXCHANGE_SECONDS,
    TICK_OUTAGE_SECONDS,
)
from crypto_assets.warehouse.engine.error_translation import translate_dagster_errors

_MAX_NAMED_PARTITIONS = 10

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FailedPartition:
    """A partition of an asset that failed, and why."""

    asset: str
    partition: str
    reason: str


def log_materializations(
    market: MarketSpec, context: StepContext, outcomes: Iterable[DayOutcome]
) -> list[FailedPartition]:
    """Log a materialization for each key whose days all succeeded, and return the failed keys.

    `outcomes` contains every processed day of its keys. Failed keys that Dagster has not planned
    are planned here, so that it shows them, and no others, as failed.
    """
    failed = []
    # An earlier version cleared the planned keys of the ticks that it queued.
    is_planned = has_planned_partitions(context) and get_ingest_mode(context.run.tags) is None
    for (stage, partition), days in _group_by_partition(market, outcomes).items():
        asset = market.asset_key(stage)
        if error := next((day.error for day in days if day.error), None):
            failed.append(FailedPartition(asset.to_user_string(), partition, str(error)))
            context.log.error(f"{stage} {partition}: {error}")
            if not is_planned:
                report_planned_key(
                    context.instance, context.run, get_step_name(context), asset, partition
                )
        else:
            context.log_event(
                dg.AssetMaterialization(
                    asset, partition=partition, metadata=partition_metadata(market, days)
                )
            )
    return failed


def collect_partition_keys(market: MarketSpec, outcomes: Iterable[DayOutcome]) -> set[str]:
    """Collect the partition keys of the outcomes' days."""
    return {_build_partition_key(market, outcome) for outcome in outcomes}


def require_partitions(
    market: MarketSpec, context: StepContext, config: PartitionsConfig
) -> list[SymbolKeys]:
    """Group the run's partition keys by symbol.

    Raises Failure for a run without partitions, or with a run config that names others.
    """
    if not has_planned_partitions(context) and (
        problem := describe_invalid_config(market.partitions, config)
    ):
        raise build_run_failure(context, f"invalid run config: {problem}")
    if requested := group_requested_keys(market.partitions, context, config):
        return requested
    raise build_run_failure(
        context,
        "this run has no partitions: Dagster cannot execute the checks of partitioned assets "
        "alone; materialize the partition of a day, which also checks it",
    )


def wait_for_services(
    context: StepContext, platform: PipelineContext, *, is_tick: bool = False
) -> AbstractContextManager[None]:
    """Let a run wait while exchange, lake or warehouse do not respond, and log that it does.

    A tick waits for seconds only: the next one ingests what it could not. The events of the run
    show outages of the exchange only: Dagster's database may be in the warehouse's server.
    """
    home = Path(context.instance.root_directory)

    def report_exchange(line: str) -> None:
        _log.warning(line)
        with suppress(OrchestratorError), translate_dagster_errors(home):
            context.log.warning(line)

    return platform.waiter.wait_up_to(
        TICK_OUTAGE_SECONDS if is_tick else MAX_OUTAGE_SECONDS,
        None,
        TICK_EXCHANGE_SECONDS if is_tick else None,
        report_exchange,
    )


def fail_unless_stores_ready(context: StepContext, platform: PipelineContext) -> None:
    """Raise Failure unless warehouse and lake are ready and belong to this exchange."""
    try:
        require_stores_ready(platform)
    except CryptoAssetsError as error:
        # Without the cause, whose stack trace Dagster would show below the reason.
        raise build_run_failure(context, str(error)) from None


def raise_for_failed_partitions(context: StepContext, failed: Sequence[FailedPartition]) -> None:
    """Raise Failure, which lists the failed partitions, if there are any."""
    if not failed:
        return
    partitions = list(dict.fromkeys(key.partition for key in failed))
    named = ", ".join(partitions[:_MAX_NAMED_PARTITIONS])
    more = (
        f" and {len(partitions) - _MAX_NAMED_PARTITIONS} more"
        if len(partitions) > _MAX_NAMED_PARTITIONS
        else ""
    )
    count = "1 partition" if len(partitions) == 1 else f"{len(partitions)} partitions"
    raise build_run_failure(
        context,
        f"{count} failed: {named}{more}. {failed[0].reason}",
        {"failed": [f"{key.asset} {key.partition}: {key.reason}" for key in failed]},
    )


def build_run_failure(
    context: StepContext, reason: str, metadata: Mapping[str, Any] | None = None
) -> dg.Failure:
    """Build the Failure, and add its reason as a tag, which the commands, the app and the API read.

    The step is not retried: the clients have retried their requests, and dagster.yaml decides about
    retries of the run.
    """
    context.instance.add_run_tags(context.run.run_id, build_failure_tag(context.run.run_id, reason))
    return dg.Failure(reason, metadata=metadata, allow_retries=False)


def _group_by_partition(
    market: MarketSpec, outcomes: Iterable[DayOutcome]
) -> dict[tuple[str, str], list[DayOutcome]]:
    groups: dict[tuple[str, str], list[DayOutcome]] = {}
    for outcome in outcomes:
        key = (outcome.stage.value, _build_partition_key(market, outcome))
        groups.setdefault(key, []).append(outcome)
    return groups


def _build_partition_key(market: MarketSpec, outcome: DayOutcome) -> str:
    return format_partition_key(market.partitions.date_key(outcome.day), outcome.symbol)

"""Partition by partition: good keys are logged as materialised, bad ones are named at the end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import dagster as dg

from crypto_assets.defs.metadata import partition_metadata
from crypto_assets.defs.partitions import date_key
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.pipeline.outcome import DayOutcome
from crypto_assets.pipeline.platform import Platform
from crypto_assets.pipeline.setup import admit

_NAMED_AT_MOST = 10


@dataclass(frozen=True)
class BadKey:
    asset: str
    partition: str
    reason: str


def log_good_keys(
    context: dg.AssetExecutionContext, outcomes: Iterable[DayOutcome]
) -> list[BadKey]:
    """Log a materialisation for each key all of whose days are good; answer the bad keys.

    `outcomes` must hold every day of the keys that it touches.
    """
    bad = []
    for (stage, partition), days in _by_key(outcomes).items():
        if failed := [day for day in days if day.error]:
            bad.append(BadKey(stage, str(partition), str(failed[0].error)))
            context.log.error(f"{stage} {partition}: {failed[0].error}")
        else:
            context.log_event(
                dg.AssetMaterialization(
                    stage, partition=partition, metadata=partition_metadata(days)
                )
            )
    return bad


def require_admission(platform: Platform) -> None:
    """Raises Failure unless warehouse and lake are ready and belong to this exchange."""
    try:
        admit(platform)
    except CryptoAssetsError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def raise_for_bad_keys(bad: Sequence[BadKey]) -> None:
    """Raises Failure, naming the keys, unless there is none."""
    if not bad:
        return
    partitions = list(dict.fromkeys(key.partition for key in bad))
    named = ", ".join(partitions[:_NAMED_AT_MOST])
    more = (
        f" and {len(partitions) - _NAMED_AT_MOST} more" if len(partitions) > _NAMED_AT_MOST else ""
    )
    raise dg.Failure(
        f"{len(partitions)} partitions failed: {named}{more}. {bad[0].reason}",
        metadata={"failed": [f"{key.asset} {key.partition}: {key.reason}" for key in bad]},
        # The client has retried what could be retried; the run's own retry is the instance's.
        allow_retries=False,
    )


def _by_key(
    outcomes: Iterable[DayOutcome],
) -> dict[tuple[str, dg.MultiPartitionKey], list[DayOutcome]]:
    found: dict[tuple[str, dg.MultiPartitionKey], list[DayOutcome]] = {}
    for outcome in outcomes:
        found.setdefault((outcome.stage.value, _partition(outcome)), []).append(outcome)
    return found


def _partition(outcome: DayOutcome) -> dg.MultiPartitionKey:
    return dg.MultiPartitionKey({"date": date_key(outcome.day), "symbol": outcome.symbol})

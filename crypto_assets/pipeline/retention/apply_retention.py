"""Applies the retention policy to lakes and warehouse."""

from collections.abc import Iterator
from dataclasses import dataclass

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.retention.expire_minutes import ExpiredMinutes, expire_minutes
from crypto_assets.pipeline.retention.expire_objects import ExpiredObjects, expire_objects
from crypto_assets.pipeline.retention.future_fetches import correct_future_fetches
from crypto_assets.pipeline.retention.retention_time import (
    RetentionTime,
    find_retention_time,
    record_retention_time,
)
from crypto_assets.retention_policy import GIGABYTE, RetentionPolicy


@dataclass(frozen=True)
class RetentionResult:
    """What a run of retention expired, or with `dry_run` would expire.

    `time` is the instant from which it counted ages.
    """

    lake: ExpiredObjects
    minutes: tuple[ExpiredMinutes, ...]
    order_book_levels: int
    time: RetentionTime

    @property
    def minute_rows(self) -> int:
        return sum(expired.rows for expired in self.minutes)

    @property
    def blockers(self) -> dict[str, str]:
        """Why old minutes stay, by symbol."""
        return {expired.symbol: expired.blocker for expired in self.minutes if expired.blocker}


def read_retention_policy(context: PipelineContext) -> RetentionPolicy:
    """Return the policy in force: the users' values, else the environment's."""
    return context.retention_policy.apply_overrides(context.warehouse.app_settings.get_all_values())


def apply_retention(
    context: PipelineContext,
    *,
    dry_run: bool = False,
    unlimited: bool = False,
    at_ms: int | None = None,
) -> RetentionResult:
    """Expire everything that is older than the policy allows at an instant (epoch ms).

    The default is now, by `find_retention_time`, of which `unlimited` lifts the limit; then fetch
    times that have not come yet are corrected first, since they would never expire. Safe to kill
    and repeat. Raises ClockNotTrusted before anything expires, LakeError, WarehouseError.
    """
    time = find_retention_time(context, unlimited=unlimited) if at_ms is None else None
    if time and not dry_run:
        correct_future_fetches(context)
    result = _expire_all(context, time or RetentionTime(at_ms or 0), dry_run=dry_run)
    if time and not dry_run:
        # Last: a run that was killed is repeated with the same limit.
        record_retention_time(context, time)
    return result


def _expire_all(context: PipelineContext, time: RetentionTime, *, dry_run: bool) -> RetentionResult:
    policy, at = read_retention_policy(context), time.at_ms
    max_bytes = None if policy.lake_max_gb is None else round(policy.lake_max_gb * GIGABYTE)
    return RetentionResult(
        lake=expire_objects(
            context,
            at - policy.raw_days * DAY_MS,
            at - policy.archive_days * DAY_MS,
            max_bytes,
            dry_run=dry_run,
        ),
        minutes=tuple(_expire_all_minutes(context, policy, at, dry_run)),
        order_book_levels=_expire_order_book_levels(
            context, at - policy.order_book_days * DAY_MS, dry_run
        ),
        time=time,
    )


def _expire_all_minutes(
    context: PipelineContext, policy: RetentionPolicy, at: int, dry_run: bool
) -> Iterator[ExpiredMinutes]:
    if not policy.minute_days:
        return
    for symbol in context.warehouse.watermarks.get_all():
        older_than = at - policy.minute_days * DAY_MS
        if expired := expire_minutes(context, symbol, older_than, dry_run=dry_run):
            yield expired


def _expire_order_book_levels(context: PipelineContext, before_ms: int, dry_run: bool) -> int:
    warehouse = context.warehouse
    expire = (
        warehouse.retention_candidates.count_levels
        if dry_run
        else warehouse.order_books.expire_levels
    )
    return sum(
        expire(symbol, before_ms) for symbol in warehouse.watermarks.get_all(ObjectKind.DEPTH)
    )

"""Retention: what grows old leaves lake and warehouse, and nothing that is still needed."""

from collections.abc import Iterator
from dataclasses import dataclass

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.retention.expire_minutes import ExpiredMinutes, expire_minutes
from crypto_assets.pipeline.retention.expire_objects import ExpiredObjects, expire_objects
from crypto_assets.retention_policy import GIGABYTE, RetentionPolicy


@dataclass(frozen=True)
class RetentionResult:
    """What one run of retention did, or with `dry_run` would do."""

    lake: ExpiredObjects
    minutes: tuple[ExpiredMinutes, ...]
    order_book_levels: int

    @property
    def minute_rows(self) -> int:
        return sum(one.rows for one in self.minutes)

    @property
    def blockers(self) -> dict[str, str]:
        """Why old minutes of a symbol stay, by its name."""
        return {one.symbol: one.blocker for one in self.minutes if one.blocker}


def read_retention_policy(platform: PipelineContext) -> RetentionPolicy:
    """What users set last, else what the environment says."""
    return platform.retention_policy.apply_overrides(
        platform.warehouse.app_settings.get_all_values()
    )


def apply_retention(
    platform: PipelineContext, *, dry_run: bool = False, at_ms: int | None = None
) -> RetentionResult:
    """Retire what is older than it is kept at an instant (epoch ms), now by this machine's clock.

    The fetches and loads that ages are counted from bear that clock's time too, so that data of a
    simulated past is as young as its fetch. Raises LakeError, WarehouseError; may be killed
    anywhere and repeated.
    """
    keep, at = read_retention_policy(platform), now_ms() if at_ms is None else at_ms
    bound = None if keep.lake_max_gb is None else round(keep.lake_max_gb * GIGABYTE)
    return RetentionResult(
        lake=expire_objects(
            platform,
            at - keep.raw_days * DAY_MS,
            at - keep.archive_days * DAY_MS,
            bound,
            dry_run=dry_run,
        ),
        minutes=tuple(_expire_all_minutes(platform, keep, at, dry_run)),
        order_book_levels=_expire_order_book_levels(
            platform, at - keep.order_book_days * DAY_MS, dry_run
        ),
    )


def _expire_all_minutes(
    platform: PipelineContext, keep: RetentionPolicy, at: int, dry_run: bool
) -> Iterator[ExpiredMinutes]:
    if not keep.minute_days:
        return
    for symbol in platform.warehouse.watermarks.get_all():
        older_than = at - keep.minute_days * DAY_MS
        if retired := expire_minutes(platform, symbol, older_than, dry_run=dry_run):
            yield retired


def _expire_order_book_levels(platform: PipelineContext, before_ms: int, dry_run: bool) -> int:
    warehouse = platform.warehouse
    retire = (
        warehouse.retention_candidates.count_levels
        if dry_run
        else warehouse.order_books.expire_levels
    )
    return sum(
        retire(symbol, before_ms) for symbol in warehouse.watermarks.get_all(ObjectKind.DEPTH)
    )

"""Schedules, sensors, backfills and runs as Dagster reports them."""

from pydantic import Field

from crypto_assets.api.views.base import EpochMs, ResponseView
from crypto_assets.orchestrator import Kind


class TickView(ResponseView):
    at: EpochMs
    status: str
    note: str | None = Field(description="Why the tick skipped or failed.")
    run_ids: tuple[str, ...]


class InstigatorView(ResponseView):
    """A schedule or a sensor."""

    kind: Kind
    name: str
    description: str | None
    jobs: tuple[str, ...]
    running: bool
    cron: str | None = Field(description="Cron expression of a schedule, in UTC.")
    interval_seconds: int | None = Field(description="Interval of a sensor in seconds.")
    last_tick: TickView | None
    next_tick_at: EpochMs | None = Field(description="Null if stopped or due now.")


class LaunchedView(ResponseView):
    run_ids: tuple[str, ...]
    added_partitions: tuple[str, ...]
    skipped: str | None = Field(description="Why no run was launched.")


class RunView(ResponseView):
    run_id: str


class BackfillView(ResponseView):
    """Counts are partitions of assets: a day of a symbol counts once per asset."""

    id: str
    status: str
    title: str | None
    targeted: int
    materialized: int
    failed: int
    error: str | None
    ended: bool
    succeeded: bool


class LaunchedBackfillView(ResponseView):
    id: str
    title: str
    partitions: int = Field(description="Number of days (or months) times number of symbols.")

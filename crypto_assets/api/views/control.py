"""Schedules, sensors, backfills and runs, as Dagster states them."""

from pydantic import Field

from crypto_assets.api.views.base import EpochMs, ResponseView
from crypto_assets.orchestrator import Kind


class TickView(ResponseView):
    at: EpochMs
    status: str
    note: str | None = Field(description="Why it skipped or failed.")
    run_ids: tuple[str, ...]


class InstigatorView(ResponseView):
    """A schedule or a sensor."""

    kind: Kind
    name: str
    description: str | None
    jobs: tuple[str, ...]
    running: bool
    cron: str | None = Field(description="Of a schedule, in UTC.")
    interval_seconds: int | None = Field(description="Of a sensor.")
    last_tick: TickView | None
    next_tick_at: EpochMs | None = Field(description="None while stopped, or due.")


class LaunchedView(ResponseView):
    run_ids: tuple[str, ...]
    added_partitions: tuple[str, ...]
    skipped: str | None = Field(description="Why there was nothing to do.")


class RunView(ResponseView):
    run_id: str


class BackfillView(ResponseView):
    """Counts are asset partitions: a day of a symbol counts once for each asset."""

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
    partitions: int = Field(description="Days (or months) by symbols.")

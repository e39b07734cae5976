"""The queries of the page Scheduler."""

from dataclasses import dataclass, replace
from datetime import date

import streamlit as st

from crypto_assets.errors import OrchestratorError
from crypto_assets.market.utc_time import Window, day_of
from crypto_assets.orchestrator import AutomaticBackfill, BackfillProgress, Instigator, Kind
from crypto_assets.pipeline.control.backfill import BackfillRequest, Partitioning, plan_backfill
from crypto_assets.pipeline.control.backfill_estimate import (
    BackfillEstimate,
    BackfillPace,
    estimate_backfill,
    measure_backfill_pace,
)
from crypto_assets.pipeline.control.runtime_settings import (
    INTERVAL_SETTINGS,
    read_effective_settings,
)
from crypto_assets.settings import get_settings
from streamlit_app.data.app_settings import get_interactive_context
from streamlit_app.data.shared import FRESH_SECONDS, get_orchestrator, get_pipeline_context

# Shorter than the refresh interval of the page.
_FRESH_SECONDS = 2
_MAX_BACKFILLS = 8
# The number of recent backfills on which an estimate is based.
_MEASURED_BACKFILLS = 20
_PLAN_SECONDS = 30


@dataclass(frozen=True)
class AutomationStatus:
    """The schedules and sensors, and the daemons that are not running."""

    schedules: list[Instigator]
    sensors: list[Instigator]
    unhealthy_daemons: list[str]


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_automation() -> AutomationStatus:
    """Return the schedules, sensors, and daemons. Raises OrchestratorError."""
    orchestrator = get_orchestrator()
    schedules, sensors = (orchestrator.list_instigators(kind) for kind in Kind)
    return AutomationStatus(schedules, sensors, orchestrator.list_unhealthy_daemons())


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_backfills() -> list[BackfillProgress]:
    """Return the recent backfills of users and sensors, newest first.

    Raises OrchestratorError, WarehouseError.
    """
    orchestrator = get_orchestrator()
    automatic = orchestrator.list_automatic_backfills(get_settings().partition_unit)
    found = [
        *orchestrator.list_recent_backfills(_MAX_BACKFILLS),
        *map(_measure_progress, automatic[:_MAX_BACKFILLS]),
    ]
    # Those that still load are never pushed out of the list.
    found.sort(key=lambda backfill: (backfill.ended, -backfill.launched_at))
    return sorted(found[:_MAX_BACKFILLS], key=lambda backfill: -backfill.launched_at)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_loading_days() -> dict[str, tuple[int, int]]:
    """Return the loaded and all days of each automatic backfill in progress, by symbol.

    Empty while Dagster is unreachable. Raises WarehouseError.
    """
    try:
        automatic = get_orchestrator().list_automatic_backfills(get_settings().partition_unit)
    except OrchestratorError:
        return {}
    found = {}
    for backfill in automatic:
        if not backfill.progress.ended:
            progress = _measure_progress(backfill)
            found[backfill.symbol] = (progress.materialized, progress.key_count)
    return found


def _measure_progress(backfill: AutomaticBackfill) -> BackfillProgress:
    """Count the days that its unfinished runs have loaded; Dagster reports only ended runs."""
    coverage = get_pipeline_context().warehouse.coverage
    loaded = sum(
        sum(map(bool, coverage.count_minutes_by_day(backfill.symbol, window).values()))
        for window in (Window.of_days(first, last) for first, last in backfill.begun)
    )
    progress = backfill.progress
    return replace(progress, materialized=min(progress.targeted, progress.materialized + loaded))


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_fetch_intervals() -> dict[str, int]:
    """Return the fetch intervals in minutes by setting. Raises WarehouseError."""
    effective = read_effective_settings(get_pipeline_context())
    return {name: int(effective[name].value or 0) for name in INTERVAL_SETTINGS}


@dataclass(frozen=True)
class BackfillPreview:
    """A backfill before its launch."""

    title: str
    estimate: BackfillEstimate
    pace: BackfillPace | None


@st.cache_data(ttl=_PLAN_SECONDS, max_entries=50, show_spinner=False)
def query_backfill_preview(symbols: tuple[str, ...], first: date, last: date) -> BackfillPreview:
    """Estimate a backfill, without symbols of all tracked ones.

    Raises WrongUse, ExchangeError, WarehouseError, OrchestratorError.
    """
    request = plan_requested_backfill(symbols, first, last)
    pace = measure_backfill_pace(get_orchestrator().list_recent_backfills(_MEASURED_BACKFILLS))
    return BackfillPreview(
        request.title,
        estimate_backfill(request, get_interactive_context().closed_before(), pace),
        pace,
    )


def plan_requested_backfill(symbols: tuple[str, ...], first: date, last: date) -> BackfillRequest:
    """Plan a backfill, without symbols of all tracked ones."""
    settings = get_settings()
    partitioning = Partitioning(settings.partition_unit, settings.start_date)
    return plan_backfill(get_interactive_context(), partitioning, symbols or None, first, last)


@st.cache_data(ttl=_PLAN_SECONDS, max_entries=1, show_spinner=False)
def get_exchange_day() -> date:
    """Return the current UTC day by the exchange's clock. Raises ExchangeError."""
    return day_of(get_interactive_context().exchange_now())

"""What the page Scheduler asks of Dagster, and of the warehouse."""

from dataclasses import dataclass
from datetime import date

import streamlit as st

from crypto_assets.market.utc_time import day_of
from crypto_assets.orchestrator import BackfillProgress, Instigator, Kind
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
from streamlit_app.data.shared import get_orchestrator, get_pipeline_context

# Shorter than the shortest interval at which the page refreshes itself.
_FRESH_SECONDS = 2
_MAX_BACKFILLS = 8
# So many of the newest are looked at for how long one takes.
_MEASURED_BACKFILLS = 20
_PLAN_SECONDS = 30


@dataclass(frozen=True)
class AutomationStatus:
    """What runs by itself; `sick` names the daemons that do not."""

    schedules: list[Instigator]
    sensors: list[Instigator]
    unhealthy_daemons: list[str]


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_automation() -> AutomationStatus:
    """Raises OrchestratorError."""
    asked = get_orchestrator()
    schedules, sensors = (asked.list_instigators(kind) for kind in Kind)
    return AutomationStatus(schedules, sensors, asked.list_unhealthy_daemons())


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_backfills() -> list[BackfillProgress]:
    """The newest, newest first. Raises OrchestratorError."""
    return get_orchestrator().list_recent_backfills(_MAX_BACKFILLS)


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_fetch_intervals() -> dict[str, int]:
    """Minutes between fetches, by the setting's name. Raises WarehouseError."""
    found = read_effective_settings(get_pipeline_context())
    return {name: int(found[name].value or 0) for name in INTERVAL_SETTINGS}


@dataclass(frozen=True)
class BackfillPreview:
    """A backfill as it would be asked for."""

    title: str
    estimate: BackfillEstimate
    pace: BackfillPace | None


@st.cache_data(ttl=_PLAN_SECONDS, max_entries=50, show_spinner=False)
def query_backfill_preview(symbols: tuple[str, ...], first: date, last: date) -> BackfillPreview:
    """No symbol means all. Raises WrongUse, ExchangeError, WarehouseError, OrchestratorError."""
    wanted, pace = (
        plan_requested_backfill(symbols, first, last),
        measure_backfill_pace(get_orchestrator().list_recent_backfills(_MEASURED_BACKFILLS)),
    )
    return BackfillPreview(
        wanted.title,
        estimate_backfill(wanted, get_interactive_context().closed_before(), pace),
        pace,
    )


def plan_requested_backfill(symbols: tuple[str, ...], first: date, last: date) -> BackfillRequest:
    chosen = get_settings()
    cut = Partitioning(chosen.partition_unit, chosen.start_date)
    return plan_backfill(get_interactive_context(), cut, symbols or None, first, last)


@st.cache_data(ttl=_PLAN_SECONDS, max_entries=1, show_spinner=False)
def get_exchange_day() -> date:
    """By the exchange's clock. Raises ExchangeError."""
    return day_of(get_interactive_context().exchange_now())

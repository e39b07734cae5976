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
from streamlit_app.data.app_settings import hasty_platform
from streamlit_app.data.shared import orchestrator, platform

# Shorter than the shortest interval at which the page refreshes itself.
_FRESH_SECONDS = 2
_RECENT = 8
# So many of the newest are looked at for how long one takes.
_MEASURED = 20
_PLAN_SECONDS = 30


@dataclass(frozen=True)
class Running:
    """What runs by itself; `sick` names the daemons that do not."""

    schedules: list[Instigator]
    sensors: list[Instigator]
    sick: list[str]


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=1, show_spinner=False)
def running() -> Running:
    """Raises OrchestratorError."""
    asked = orchestrator()
    schedules, sensors = (asked.list_instigators(kind) for kind in Kind)
    return Running(schedules, sensors, asked.list_unhealthy_daemons())


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=1, show_spinner=False)
def backfills() -> list[BackfillProgress]:
    """The newest, newest first. Raises OrchestratorError."""
    return orchestrator().list_recent_backfills(_RECENT)


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=1, show_spinner=False)
def intervals() -> dict[str, int]:
    """Minutes between fetches, by the setting's name. Raises WarehouseError."""
    found = read_effective_settings(platform())
    return {name: int(found[name].value or 0) for name in INTERVAL_SETTINGS}


@dataclass(frozen=True)
class Plan:
    """A backfill as it would be asked for."""

    title: str
    what: BackfillEstimate
    pace: BackfillPace | None


@st.cache_data(ttl=_PLAN_SECONDS, max_entries=50, show_spinner=False)
def planned(symbols: tuple[str, ...], first: date, last: date) -> Plan:
    """No symbol means all. Raises WrongUse, ExchangeError, WarehouseError, OrchestratorError."""
    wanted, pace = (
        plan(symbols, first, last),
        measure_backfill_pace(orchestrator().list_recent_backfills(_MEASURED)),
    )
    return Plan(
        wanted.title, estimate_backfill(wanted, hasty_platform().closed_before(), pace), pace
    )


def plan(symbols: tuple[str, ...], first: date, last: date) -> BackfillRequest:
    chosen = get_settings()
    cut = Partitioning(chosen.partition_unit, chosen.start_date)
    return plan_backfill(hasty_platform(), cut, symbols or None, first, last)


@st.cache_data(ttl=_PLAN_SECONDS, max_entries=1, show_spinner=False)
def today() -> date:
    """By the exchange's clock. Raises ExchangeError."""
    return day_of(hasty_platform().exchange_now())

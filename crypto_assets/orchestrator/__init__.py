"""A client of Dagster's GraphQL API: backfills, schedules, sensors, runs, checks, daemon health."""

from crypto_assets.orchestrator.asset_checks import AssetCheck, CheckExecution
from crypto_assets.orchestrator.automatic_backfills import AutomaticBackfill
from crypto_assets.orchestrator.backfills import BackfillProgress
from crypto_assets.orchestrator.instigators import Instigator, InstigatorTick, Kind
from crypto_assets.orchestrator.manual_ticks import ManualTickResult
from crypto_assets.orchestrator.orchestrator import Orchestrator
from crypto_assets.orchestrator.recent_runs import RunSummary
from crypto_assets.orchestrator.webserver_client import WEBSERVER_TIMEOUT_SECONDS

__all__ = [
    "WEBSERVER_TIMEOUT_SECONDS",
    "AssetCheck",
    "AutomaticBackfill",
    "BackfillProgress",
    "CheckExecution",
    "Instigator",
    "InstigatorTick",
    "Kind",
    "ManualTickResult",
    "Orchestrator",
    "RunSummary",
]

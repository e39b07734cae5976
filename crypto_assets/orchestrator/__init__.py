"""Dagster from outside, through its webserver's GraphQL: backfills, ticks, runs, and its health."""

from crypto_assets.orchestrator.asset_checks import AssetCheck, CheckExecution
from crypto_assets.orchestrator.backfills import BackfillProgress
from crypto_assets.orchestrator.instigators import Instigator, InstigatorTick, Kind
from crypto_assets.orchestrator.manual_ticks import ManualTickResult
from crypto_assets.orchestrator.orchestrator import SYMBOL_PARTITIONS_NAME, Orchestrator
from crypto_assets.orchestrator.recent_runs import RunSummary

__all__ = [
    "SYMBOL_PARTITIONS_NAME",
    "AssetCheck",
    "BackfillProgress",
    "CheckExecution",
    "Instigator",
    "InstigatorTick",
    "Kind",
    "ManualTickResult",
    "Orchestrator",
    "RunSummary",
]

"""Dagster from outside, through its webserver's GraphQL: backfills, ticks, runs, and its health."""

from crypto_assets.orchestrator.asset_checks import AssetCheck, Verdict
from crypto_assets.orchestrator.backfills import BackfillProgress
from crypto_assets.orchestrator.instigators import Instigator, Kind, Tick
from crypto_assets.orchestrator.manual_ticks import Launched
from crypto_assets.orchestrator.orchestrator import SYMBOLS, Orchestrator
from crypto_assets.orchestrator.recent_runs import Run

__all__ = [
    "SYMBOLS",
    "AssetCheck",
    "BackfillProgress",
    "Instigator",
    "Kind",
    "Launched",
    "Orchestrator",
    "Run",
    "Tick",
    "Verdict",
]

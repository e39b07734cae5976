"""Dagster from outside, through its webserver's GraphQL: backfills, ticks, runs, and its health."""

from crypto_assets.orchestrator.backfills import BackfillProgress
from crypto_assets.orchestrator.checks import AssetCheck, Verdict
from crypto_assets.orchestrator.instigators import Instigator, Kind, Tick
from crypto_assets.orchestrator.orchestrator import SYMBOLS, Orchestrator
from crypto_assets.orchestrator.run_log import Run
from crypto_assets.orchestrator.ticks import Launched

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

"""Alias: `dagster.yaml` files of earlier versions name the run coordinator here."""

from crypto_assets.dagster_ext.run_coordinator import LanedRunCoordinator

__all__ = ["LanedRunCoordinator"]

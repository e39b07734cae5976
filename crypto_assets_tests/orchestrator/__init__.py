"""Tests of crypto_assets.orchestrator."""

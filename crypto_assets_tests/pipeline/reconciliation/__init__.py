"""Tests of crypto_assets.pipeline.reconciliation."""

"""Tests of crypto_assets.pipeline.recovery."""

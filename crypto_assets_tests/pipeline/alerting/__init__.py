"""Tests of crypto_assets.pipeline.alerting."""

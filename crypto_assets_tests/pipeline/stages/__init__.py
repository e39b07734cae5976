"""Tests of crypto_assets.pipeline.stages."""

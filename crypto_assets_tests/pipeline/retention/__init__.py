"""Tests of crypto_assets.pipeline.retention."""

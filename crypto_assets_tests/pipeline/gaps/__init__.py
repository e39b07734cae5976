"""Tests of crypto_assets.pipeline.gaps."""

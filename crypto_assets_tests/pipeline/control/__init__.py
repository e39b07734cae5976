"""Tests of crypto_assets.pipeline.control."""

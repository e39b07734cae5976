"""Tests of crypto_assets.pipeline.ingestion."""

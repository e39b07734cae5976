"""Tests of crypto_assets.warehouse.engine."""

"""Tests of crypto_assets.warehouse.klines."""

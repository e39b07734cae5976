"""Tests of crypto_assets.warehouse.quality."""

"""Tests of crypto_assets.warehouse.catalog."""

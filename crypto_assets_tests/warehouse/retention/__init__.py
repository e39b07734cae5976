"""Tests of crypto_assets.warehouse.retention."""

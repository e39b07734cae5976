"""Tests of crypto_assets.warehouse, on SQLite and on a real server."""

"""Tests of crypto_assets.defs."""

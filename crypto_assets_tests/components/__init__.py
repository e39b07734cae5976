"""Tests of crypto_assets.components."""

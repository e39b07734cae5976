"""Tests of crypto_assets.backup."""

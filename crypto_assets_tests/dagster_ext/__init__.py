"""Tests of crypto_assets.dagster_ext."""

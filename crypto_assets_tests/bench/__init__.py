"""Measures the promised performance on this machine: `python -m crypto_assets_tests.bench`."""

"""The promised figures, measured on this machine: `python -m crypto_assets_tests.bench`."""

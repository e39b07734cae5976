"""Tests of crypto_assets, with a folder for each package."""

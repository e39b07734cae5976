"""Tests of crypto_assets, a folder for each room of the package."""

"""Fixtures of the tests of crypto_assets.dagster_ext, those of the definitions."""

from crypto_assets_tests.defs.conftest import build_platform, server

__all__ = ["build_platform", "server"]

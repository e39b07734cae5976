"""Fixtures of the tests of crypto_assets.dagster_ext, from the tests of crypto_assets.defs."""

from crypto_assets_tests.defs.conftest import build_platform, server

__all__ = ["build_platform", "server"]

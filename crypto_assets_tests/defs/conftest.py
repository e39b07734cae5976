"""Fixtures of the pipeline's tests that the tests of crypto_assets.defs use too."""

from crypto_assets_tests.pipeline.conftest import build_platform

__all__ = ["build_platform"]

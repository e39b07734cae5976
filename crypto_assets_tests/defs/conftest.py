"""Fixtures of the tests of crypto_assets.defs, some of them from the pipeline's tests."""

import pytest

from crypto_assets_tests.pipeline.conftest import build_platform
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

__all__ = ["build_platform"]


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    """A simulated exchange whose clock shows noon."""
    return simulated_exchange(now=NOON)

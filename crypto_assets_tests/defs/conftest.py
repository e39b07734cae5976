"""Fixtures of the tests of crypto_assets.defs, some of them from the pipeline's tests."""

import pytest
from dagster._core.definitions.definitions_load_context import (
    DefinitionsLoadContext,
    DefinitionsLoadType,
)

from crypto_assets_tests.pipeline.conftest import build_platform
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

__all__ = ["build_platform"]


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    """A simulated exchange whose clock shows noon."""
    return simulated_exchange(now=NOON)


@pytest.fixture(autouse=True)
def first_load() -> None:
    """Load definitions as a new process does.

    A test that executed a run in this process left it in the state of a run, which reads no values
    from the warehouse.
    """
    DefinitionsLoadContext.set(DefinitionsLoadContext(DefinitionsLoadType.INITIALIZATION))

"""Fixtures: filled stores to back up, and empty ones to restore into."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.backup.stores import SYMBOLS, fill, open_target
from crypto_assets_tests.pipeline.conftest import BuildPlatform, build_platform
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

__all__ = ["build_platform"]


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    """A simulated exchange whose clock shows noon."""
    return simulated_exchange(now=NOON)


@pytest.fixture
def source(
    server: ExchangeServer, build_platform: BuildPlatform, warehouse_url: str
) -> PipelineContext:
    """Stores with half a day of candles, an order book, and one that is not loaded."""
    context = build_platform(server, *SYMBOLS, warehouse_url=warehouse_url)
    Warehouse(warehouse_url).migrate_schema()
    return fill(context)


@pytest.fixture
def small_source(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    """The same in SQLite."""
    return fill(build_platform(server, *SYMBOLS))


@pytest.fixture
def target(server: ExchangeServer, tmp_path: Path) -> Iterator[PipelineContext]:
    context = open_target(server, tmp_path / "target")
    yield context
    context.close()

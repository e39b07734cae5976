"""Stores of a further market follow its YAML file: they are created, and its symbols tracked."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from crypto_assets.errors import ForeignExchange, LakeError, UnknownSymbol, WrongUse
from crypto_assets.exchange import open_exchange
from crypto_assets.lake import open_lake
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.bootstrap import (
    claim_warehouse_for_market,
    follow_symbols,
    require_stores_ready,
)
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.pipeline.conftest import START, BuildPlatform, open_times, run_ingest
from crypto_assets_tests.services.exchange import StartExchange


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> PipelineContext:
    return build_platform(simulated_exchange())


@pytest.fixture
def empty(platform: PipelineContext, tmp_path: Path) -> Iterator[PipelineContext]:
    """The same exchange with stores that do not exist yet."""
    home = tmp_path / "empty"
    home.mkdir()
    with closing(Warehouse(f"sqlite:///{home / 'warehouse.db'}")) as warehouse:
        yield replace(
            platform,
            warehouse=warehouse,
            raw_lake=open_lake(str(home / "raw")),
            archive_lake=open_lake(str(home / "archive")),
        )


def list_tracked_names(platform: PipelineContext) -> list[str]:
    return [symbol.name for symbol in platform.warehouse.symbols.list_tracked()]


def test_stores_are_created_once_and_symbols_tracked(empty: PipelineContext) -> None:
    for _ in range(2):
        follow_symbols(empty, ["ETHUSDT", "btcusdt"], START)
        require_stores_ready(empty)
        assert sorted(list_tracked_names(empty)) == ["BTCUSDT", "ETHUSDT"]


def test_a_warehouse_belongs_to_one_market(
    empty: PipelineContext, platform: PipelineContext
) -> None:
    for _ in range(2):
        claim_warehouse_for_market(empty, "other")
        follow_symbols(empty, ["BTCUSDT"], START)
    with pytest.raises(WrongUse, match="belongs to the market other: the market third needs one"):
        claim_warehouse_for_market(empty, "third")
    with pytest.raises(WrongUse, match="belongs to a home: the market other needs one of its own"):
        claim_warehouse_for_market(platform, "other")


def test_an_interrupted_initialization_is_repeated(empty: PipelineContext, tmp_path: Path) -> None:
    lake = tmp_path / "empty" / "raw"
    lake.write_text("no directory")
    with pytest.raises(LakeError):
        follow_symbols(empty, ["BTCUSDT"], START)
    lake.unlink()
    follow_symbols(empty, ["BTCUSDT"], START)
    require_stores_ready(empty)
    assert list_tracked_names(empty) == ["BTCUSDT"]


def test_a_symbol_that_leaves_the_list_is_untracked_and_keeps_its_data(
    platform: PipelineContext,
) -> None:
    run_ingest(platform)
    stored = open_times(platform)
    assert stored
    follow_symbols(platform, ["ETHUSDT"], START)
    assert list_tracked_names(platform) == ["ETHUSDT"]
    assert open_times(platform) == stored
    follow_symbols(platform, ["ETHUSDT", "BTCUSDT"], START)
    assert sorted(list_tracked_names(platform)) == ["BTCUSDT", "ETHUSDT"]


def test_an_unknown_symbol_changes_nothing(platform: PipelineContext) -> None:
    with pytest.raises(UnknownSymbol, match="NOSUCH"):
        follow_symbols(platform, ["NOSUCH"], START)
    assert list_tracked_names(platform) == ["BTCUSDT"]


def test_symbols_of_another_exchange_are_not_registered(
    platform: PipelineContext, simulated_exchange: StartExchange
) -> None:
    """As when the YAML file gets another exchange and other symbols."""
    other = simulated_exchange(seed=2)
    foreign = replace(platform, exchange=open_exchange(other.url, other.archive_url))
    with pytest.raises(ForeignExchange):
        follow_symbols(foreign, ["ETHUSDT"], START)
    assert list_tracked_names(platform) == ["BTCUSDT"]


def test_the_start_date_can_only_be_moved_earlier(platform: PipelineContext) -> None:
    follow_symbols(platform, ["BTCUSDT"], START - timedelta(days=1))
    with pytest.raises(WrongUse, match="can only be moved earlier"):
        follow_symbols(platform, ["BTCUSDT"], START)

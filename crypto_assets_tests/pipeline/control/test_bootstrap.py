"""Stores of a further market follow its YAML file: they are created, and its symbols tracked."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from crypto_assets.errors import ForeignExchange, LakeError, WrongUse
from crypto_assets.exchange import open_exchange
from crypto_assets.lake import open_lake
from crypto_assets.lake.interface import MARKER_KEY, LakeMarker
from crypto_assets.market.utc_time import now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control import bootstrap
from crypto_assets.pipeline.control.bootstrap import follow_symbols, require_stores_ready
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
            market="new",
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


def open_market(
    platform: PipelineContext, home: Path, market: str, **lakes: Path
) -> PipelineContext:
    """The same exchange as a further market, with stores of its own but for the given lakes."""
    return replace(
        platform,
        market=market,
        warehouse=Warehouse(f"sqlite:///{home / market}.db"),
        raw_lake=open_lake(str(lakes.get("raw", home / f"{market}-raw"))),
        archive_lake=open_lake(str(lakes.get("archive", home / f"{market}-archive"))),
    )


def test_a_warehouse_belongs_to_one_market(empty: PipelineContext, tmp_path: Path) -> None:
    other = replace(empty, market="other")
    for _ in range(2):
        follow_symbols(other, ["BTCUSDT"], START)
        require_stores_ready(other)
    third = replace(empty, market="third")
    for refused in (lambda: follow_symbols(third, ["ETHUSDT"], START), None):
        with pytest.raises(WrongUse, match="belongs to the market other: the market third needs"):
            refused() if refused else require_stores_ready(third)
    assert list_tracked_names(other) == ["BTCUSDT"]


def test_a_warehouse_of_the_default_market_is_no_further_markets(
    platform: PipelineContext,
) -> None:
    with pytest.raises(WrongUse, match="belongs to the default market of a home: the market other"):
        follow_symbols(replace(platform, market="other"), ["ETHUSDT"], START)
    assert list_tracked_names(platform) == ["BTCUSDT"]


def test_a_lake_belongs_to_one_market(platform: PipelineContext, tmp_path: Path) -> None:
    """However its address is written: here it is a link, which no comparison of settings finds."""
    other = open_market(platform, tmp_path, "other")
    follow_symbols(other, ["BTCUSDT"], START)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "other-raw")
    for lakes in ({"raw": link}, {"archive": link}):
        third = open_market(platform, tmp_path, "third", **lakes)
        with pytest.raises(WrongUse, match="belongs to the market other, not to the market third"):
            follow_symbols(third, ["BTCUSDT"], START)
        assert list_tracked_names(third) == []
        third.warehouse.close()
    with pytest.raises(WrongUse, match="belongs to the market other, not to the default market"):
        require_stores_ready(replace(platform, raw_lake=open_lake(str(link))))
    # Commands with the home of a market have its stores, but not its name.
    require_stores_ready(replace(other, market=""))
    other.warehouse.close()


def test_a_lake_of_the_default_market_is_no_further_markets(
    platform: PipelineContext, tmp_path: Path
) -> None:
    run_ingest(platform)
    other = open_market(platform, tmp_path, "other", raw=Path(platform.raw_lake.url))
    with closing(other.warehouse), pytest.raises(WrongUse, match="belongs to the default market"):
        follow_symbols(other, ["BTCUSDT"], START)
    require_stores_ready(platform)


def forget_market_of_lakes(market: PipelineContext) -> None:
    """Change the lakes to those of an earlier version, which stored no market."""
    for lake in (market.raw_lake, market.archive_lake):
        marker = lake.get_marker()
        assert marker
        (Path(lake.url) / MARKER_KEY).write_bytes(LakeMarker(marker.exchange).to_json())


def test_the_lakes_of_an_earlier_version_are_assigned_to_their_market(
    platform: PipelineContext, tmp_path: Path
) -> None:
    other = open_market(platform, tmp_path, "other")
    follow_symbols(other, ["BTCUSDT"], START)
    for _ in range(2):  # without objects, then with those of a run
        forget_market_of_lakes(other)
        require_stores_ready(other)
        assert {lake.get_marker().market for lake in (other.raw_lake, other.archive_lake)} == {  # type: ignore[union-attr]
            "other"
        }
        run_ingest(other)
    # A lake of the same objects that another market fetched is not assigned.
    forget_market_of_lakes(other)
    run_ingest(platform)
    with closing(other.warehouse), pytest.raises(WrongUse, match="default market, not to the mark"):
        require_stores_ready(replace(other, raw_lake=platform.raw_lake))


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


def test_a_symbol_that_is_not_listed_does_not_stop_the_others(
    empty: PipelineContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert follow_symbols(empty, ["NOSUCH", "BTCUSDT"], START) == ["NOSUCH"]
    assert list_tracked_names(empty) == ["BTCUSDT"]
    # The exchange is not asked again with every evaluation of the sensor.
    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "_find_listed_symbols", None)
        assert follow_symbols(empty, ["NOSUCH", "BTCUSDT"], START) == ["NOSUCH"]
    assert follow_symbols(empty, ["NOSUCH", "ETHUSDT"], START) == ["NOSUCH"]
    assert list_tracked_names(empty) == ["ETHUSDT"]
    # After an hour it is: the symbol may have been listed.
    monkeypatch.setattr(bootstrap, "now_ms", lambda: now_ms() + 3_600_001)
    monkeypatch.setattr(bootstrap, "_find_listed_symbols", lambda *_: {})
    assert follow_symbols(empty, ["NOSUCH"], START) == ["NOSUCH"]
    assert list_tracked_names(empty) == []


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

"""The partitions of order books begin with the first capture; those of earlier versions stay."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context

from crypto_assets.definitions import defs
from crypto_assets.defs.assets.order_books import build_order_book_assets
from crypto_assets.defs.markets import MarketSpec
from crypto_assets.defs.partitions import DEFAULT_PARTITIONS
from crypto_assets.market.utc_time import Window
from crypto_assets.orchestrator.partition_keys import SYMBOL_PARTITIONS_NAME
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.order_books import capture_order_book, load_order_books
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage
from crypto_assets.settings import load_market_settings
from crypto_assets_tests.dagster_ext.event_log import list_failed_keys
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform
from crypto_assets_tests.services.dagster_home import new_instance
from crypto_assets_tests.services.exchange import ExchangeServer


def read_market(platform: PipelineContext) -> MarketSpec:
    """The market of a warehouse, as a code location loads it."""
    url = platform.warehouse._database.url.render_as_string(hide_password=False)
    return MarketSpec("", load_market_settings("", warehouse_url=url))


def test_they_begin_on_the_day_of_the_first_capture_of_any_symbol(
    server: ExchangeServer, build_platform: BuildPlatform
) -> None:
    platform = build_platform(server, "BTCUSDT", "ETHUSDT")
    today = datetime.now(UTC).date()
    assert read_market(platform).order_book_partitions.start == today, "none is captured yet"
    capture_order_book(platform, "ETHUSDT")
    assert read_market(platform).order_book_partitions.start == TODAY, "it is not loaded yet"
    load_order_books(platform, "ETHUSDT", Window.of_day(TODAY))
    platform.warehouse._database.run_write(lambda c: c.exec_driver_sql("DELETE FROM lake_objects"))
    market = read_market(platform)
    assert market.order_book_partitions.start == TODAY, "its raw object has expired"
    assert market.order_book_partitions.keys_def != market.partitions.keys_def
    spec, _ = build_order_book_assets(market).specs
    assert spec.partitions_def == market.order_book_partitions.keys_def


def test_a_warehouse_that_cannot_be_read_leaves_them_today(tmp_path: Path) -> None:
    settings = load_market_settings("", warehouse_url=f"sqlite:///{tmp_path / 'missing.db'}")
    today = datetime.now(UTC).date()
    assert MarketSpec("", settings).order_book_partitions.start == today
    assert not (tmp_path / "missing.db").exists()


def test_no_button_materializes_them_and_all_others_have_the_same_partitions() -> None:
    """Dagster's "Materialize all" offers a choice of partitions only for assets with the same."""
    graph = defs.resolve_asset_graph()
    for stage in OrderBookStage:
        node = graph.get(dg.AssetKey(stage))
        assert not node.is_executable
        assert not node.is_materializable
        assert "launch its job `order_books`" in str(node.description)
    materializable = [graph.get(key) for key in graph.materializable_asset_keys]
    partitioned = {node.key.to_user_string() for node in materializable if node.partitions_def}
    assert partitioned == {*KlinesStage}
    assert {node.partitions_def for node in materializable if node.partitions_def} == {
        DEFAULT_PARTITIONS.keys_def
    }


def test_partitions_that_an_earlier_version_materialized_or_failed_stay(
    tmp_path: Path, server: ExchangeServer, build_platform: BuildPlatform
) -> None:
    """It had the same keys, in the partitions of candles, and an asset with a step."""

    @dg.asset(name="raw_order_book", partitions_def=DEFAULT_PARTITIONS.keys_def)
    def earlier(context: dg.AssetExecutionContext) -> None:
        if context.partition_key.startswith("2025-03-01"):
            raise dg.Failure("the exchange keeps no history")

    platform = build_platform(server)
    capture_order_book(platform, "BTCUSDT")
    later = read_market(platform).order_book_partitions.keys_def
    asset = dg.AssetKey("raw_order_book")
    with new_instance(tmp_path) as instance:
        instance.add_dynamic_partitions(SYMBOL_PARTITIONS_NAME, ["BTCUSDT"])
        captured, past = f"{TODAY}|BTCUSDT", "2025-03-01|BTCUSDT"
        for key in (captured, past):
            dg.materialize([earlier], instance=instance, partition_key=key, raise_on_error=False)
        assert instance.get_materialized_partitions(asset) == {captured}
        assert list_failed_keys(instance, "raw_order_book") == {past}
        with partition_loading_context(dynamic_partitions_store=instance):
            keys = later.get_partition_keys()
        assert captured in keys
        assert past not in keys, "it could never be captured"

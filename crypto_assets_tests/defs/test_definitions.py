"""The code location loads, and its assets, schedules and sensors are complete."""

from datetime import date

import dagster as dg
import pytest

from crypto_assets.definitions import defs
from crypto_assets.defs.assets.specs import build_klines_specs
from crypto_assets.defs.markets import MarketSpec
from crypto_assets.defs.metadata import partition_metadata
from crypto_assets.pipeline.stages.results import DayOutcome, KlinesStage, OrderBookStage
from crypto_assets.settings import load_market_settings


def test_the_definitions_load_as_a_code_location_loads_them() -> None:
    dg.Definitions.validate_loadable(defs)
    assert defs.get_repository_def().get_all_jobs()


def test_every_asset_has_description_group_kinds_freshness_and_source() -> None:
    graph = defs.resolve_asset_graph()
    names = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert names >= {*KlinesStage, *OrderBookStage}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description
        assert node.group_name != "default"
        assert node.kinds
        assert node.freshness_policy
        assert node.metadata["dagster/code_references"]


def test_an_asset_does_not_contain_the_login_of_a_lake() -> None:
    """`init` refuses such an address, but Dagster stores the assets before a run opens the lake."""
    settings = load_market_settings("other", lake_raw_url="https://key:secret@minio.example/lake")
    raw, *_ = build_klines_specs(MarketSpec("other", settings))
    assert raw.metadata["dagster/uri"] == "https://minio.example/lake"


@pytest.mark.parametrize(
    ("settings", "page"),
    [
        (
            {"lake_raw_url": "s3://raw"},
            "https://console.aws.amazon.com/s3/object/raw?prefix=2025%2F%E5%B8%81.json.gz",
        ),
        ({"lake_raw_url": "s3://raw", "s3_endpoint_url": "http://minio:9000"}, None),
        ({"lake_raw_url": "/srv/lake"}, None),
    ],
)
def test_an_object_of_a_lake_of_aws_has_a_page(settings: dict[str, str], page: str | None) -> None:
    """A browser cannot open the other lakes."""
    market = MarketSpec("other", load_market_settings("other", **settings))
    outcome = DayOutcome(
        KlinesStage.RAW, "BTCUSDT", date(2025, 3, 6), details={"keys": ["2025/币.json.gz"]}
    )
    found = partition_metadata(market, [outcome])
    assert str(found["lake_object"].value) == f"{settings['lake_raw_url']}/2025/币.json.gz"
    assert (found["lake_page"].value if "lake_page" in found else None) == page


def test_the_lineage_of_assets() -> None:
    graph = defs.resolve_asset_graph()
    parents = {
        stage: {key.to_user_string() for key in graph.get(dg.AssetKey(stage)).parent_keys}
        for stage in (*KlinesStage, *OrderBookStage)
    }
    assert parents == {
        "raw_klines": set(),
        "fact_klines": {"raw_klines"},
        "hourly_klines": {"fact_klines"},
        "daily_klines": {"hourly_klines"},
        "raw_order_book": set(),
        "fact_order_book": {"raw_order_book"},
    }


def test_schedules_and_sensors_run_by_default() -> None:
    repository = defs.get_repository_def()
    assert {s.name: s.default_status for s in repository.schedule_defs} == {
        "close_day_schedule": dg.DefaultScheduleStatus.RUNNING,
        "history_schedule": dg.DefaultScheduleStatus.RUNNING,
        "maintenance_schedule": dg.DefaultScheduleStatus.RUNNING,
        "ingest_schedule": dg.DefaultScheduleStatus.RUNNING,
        "order_books_schedule": dg.DefaultScheduleStatus.RUNNING,
    }
    assert {s.default_status for s in repository.sensor_defs} == {dg.DefaultSensorStatus.RUNNING}

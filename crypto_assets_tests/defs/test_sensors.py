"""Symbols become partitions, and one that is added later asks for its own past."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from crypto_assets.defs.assets.klines import KEYS_A_RUN
from crypto_assets.defs.partitions import SYMBOLS
from crypto_assets.defs.sensors import symbols_sensor
from crypto_assets.orchestrator.lanes import (
    AUTOMATIC_BACKFILL_TAGS,
    BACKFILL_TAGS,
    KIND_TAG,
    PRIORITY_TAG,
)
from crypto_assets.pipeline.platform import Platform
from crypto_assets.pipeline.setup import track
from crypto_assets_tests.pipeline.conftest import START, TODAY, BuildPlatform
from crypto_assets_tests.services.exchange import NOON, StartExchange


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> Platform:
    platform: Platform = build_platform(simulated_exchange(now=NOON), "BTCUSDT", "ETHUSDT")
    return platform


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def look(instance: dg.DagsterInstance, platform: Platform, cursor: str | None) -> dg.SensorResult:
    """One look, whose partitions are added as the daemon adds them."""
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    result: Any = symbols_sensor(context, platform=platform)
    assert isinstance(result, dg.SensorResult)
    for request in result.dynamic_partitions_requests or ():
        instance.add_dynamic_partitions(SYMBOLS, list(request.partition_keys))
    return result


def test_the_first_symbols_become_partitions_and_wait_to_be_asked_for(
    instance: dg.DagsterInstance, platform: Platform
) -> None:
    first = look(instance, platform, None)
    assert instance.get_dynamic_partitions(SYMBOLS) == ["BTCUSDT", "ETHUSDT"]
    assert not first.run_requests
    again = look(instance, platform, first.cursor)
    assert not again.run_requests
    assert not again.dynamic_partitions_requests


def test_a_symbol_added_later_gets_its_past_once(
    instance: dg.DagsterInstance, platform: Platform
) -> None:
    cursor = look(instance, platform, None).cursor
    track(platform, ["SOLUSDT"])
    # As `init` does, whose partition must not hide that the symbol is new.
    instance.add_dynamic_partitions(SYMBOLS, ["SOLUSDT"])
    result = look(instance, platform, cursor)
    assert result.run_requests
    tags = [request.tags for request in result.run_requests]
    assert tags[0]["dagster/asset_partition_range_start"] == f"{START}|SOLUSDT"
    assert tags[-1]["dagster/asset_partition_range_end"] == f"{TODAY}|SOLUSDT"
    assert all(tags[0][key] == value for key, value in AUTOMATIC_BACKFILL_TAGS.items())
    assert not look(instance, platform, result.cursor).run_requests


def test_runs_of_a_long_past_are_bounded(
    instance: dg.DagsterInstance,
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
) -> None:
    exchange = simulated_exchange(now=NOON + 600 * 86_400_000)
    platform = build_platform(exchange)
    cursor = look(instance, platform, None).cursor
    track(platform, ["SOLUSDT", "ETHUSDT"])
    requests = look(instance, platform, cursor).run_requests or []
    assert len({request.run_key for request in requests}) == len(requests) == 4
    assert KEYS_A_RUN < 665, "days from START_DATE to that day: two runs a symbol"


def test_a_warehouse_without_symbols_has_no_first_look(
    instance: dg.DagsterInstance, platform: Platform
) -> None:
    for name in ("BTCUSDT", "ETHUSDT"):
        platform.warehouse.symbols.retire(name)
    context = dg.build_sensor_context(instance=instance)
    assert isinstance(symbols_sensor(context, platform=platform), dg.SkipReason)


def test_an_asked_for_backfill_goes_before_an_automatic_one() -> None:
    assert AUTOMATIC_BACKFILL_TAGS[KIND_TAG] == BACKFILL_TAGS[KIND_TAG]
    assert int(AUTOMATIC_BACKFILL_TAGS[PRIORITY_TAG]) < int(BACKFILL_TAGS[PRIORITY_TAG])

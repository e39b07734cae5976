"""Two days of candles that age, for the tests of retention."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.utc_time import DAY_MS, Window, day_start_ms, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.retention.apply_retention import RetentionResult, apply_retention
from crypto_assets.pipeline.retention.expire_objects import move_to_archive
from crypto_assets.retention_policy import RetentionPolicy
from crypto_assets_tests.pipeline.conftest import BuildPlatform, run_ingest
from crypto_assets_tests.services.exchange import NOON, StartExchange

FIRST, SECOND = date(2025, 3, 4), date(2025, 3, 5)
START = day_start_ms(FIRST)
BOTH = Window.of_days(FIRST, SECOND)
NEVER = RetentionPolicy(raw_days=9999, archive_days=9999, minute_days=0, order_book_days=9999)


class Killed(BaseException):
    """Simulates kill -9: no code catches it."""


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> PipelineContext:
    """Two whole days of one symbol, just loaded; nothing expires by default."""
    platform = replace(build_platform(simulated_exchange(now=NOON)), retention_policy=NEVER)
    run_ingest(platform, first=FIRST, last=SECOND)
    return platform


def in_days(days: float, platform: PipelineContext, **keep: Any) -> RetentionResult:
    """Apply retention as of some days from now."""
    chosen = replace(platform, retention_policy=replace(NEVER, **keep))
    return apply_retention(chosen, at_ms=now_ms() + round(days * DAY_MS))


def move_object(platform: PipelineContext, item: LakeObject) -> bool:
    """Move one object to the archive lake; return whether it has moved."""
    with ThreadPoolExecutor(1) as pool:
        return move_to_archive(platform, [item], pool) == {item.key}


def manifest(platform: PipelineContext) -> list[LakeObject]:
    return platform.warehouse.lake_objects.list_in_window("BTCUSDT", ObjectKind.KLINES, BOTH)


def keys(platform: PipelineContext) -> tuple[list[str], list[str]]:
    """The keys in the raw and in the archive lake."""
    raw, archive = platform.raw_lake.list_entries(), platform.archive_lake.list_entries()
    return [entry.key for entry in raw], [entry.key for entry in archive]

"""Two days that grow old, for the tests of what retention does with them."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.utc_time import DAY_MS, Window, day_start_ms, now_ms
from crypto_assets.pipeline.context import Platform
from crypto_assets.pipeline.retention.apply_retention import Retired, retain
from crypto_assets.pipeline.retention_policy import Keep
from crypto_assets_tests.pipeline.conftest import BuildPlatform, bring
from crypto_assets_tests.services.exchange import NOON, StartExchange

FIRST, SECOND = date(2025, 3, 4), date(2025, 3, 5)
START = day_start_ms(FIRST)
BOTH = Window.of_days(FIRST, SECOND)
NEVER = Keep(raw_days=9999, archive_days=9999, minute_days=0, order_book_days=9999)


class Killed(BaseException):
    """Stands for kill -9: nothing of ours catches it."""


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> Platform:
    """Two whole days of one symbol, loaded a moment ago; nothing grows old by itself."""
    platform = replace(build_platform(simulated_exchange(now=NOON)), keep=NEVER)
    bring(platform, first=FIRST, last=SECOND)
    return platform


def in_days(days: float, platform: Platform, **keep: Any) -> Retired:
    """Retention as it runs some days from now."""
    chosen = replace(platform, keep=replace(NEVER, **keep))
    return retain(chosen, at_ms=now_ms() + round(days * DAY_MS))


def manifest(platform: Platform) -> list[LakeObject]:
    return platform.warehouse.lake_objects.list_in_window("BTCUSDT", ObjectKind.KLINES, BOTH)


def keys(platform: Platform) -> tuple[list[str], list[str]]:
    """What really lies in the raw and the archive lake."""
    raw, archive = platform.raw.list_entries(), platform.archive.list_entries()
    return [entry.key for entry in raw], [entry.key for entry in archive]

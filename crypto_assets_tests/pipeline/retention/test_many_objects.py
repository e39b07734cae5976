"""Moving and deleting many small objects takes few statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event

from crypto_assets.lake import build_depth_object
from crypto_assets.market.lake_object import LakeObject
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.retention.apply_retention import apply_retention
from crypto_assets_tests.pipeline.aging import NEVER
from crypto_assets_tests.pipeline.conftest import TODAY_MS, BuildPlatform
from crypto_assets_tests.services.exchange import StartExchange

OBJECTS = 600


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> PipelineContext:
    """Many loaded objects of one day."""
    platform = build_platform(simulated_exchange())
    items = [_put_object(platform, TODAY_MS + n * MINUTE_MS) for n in range(OBJECTS)]
    platform.warehouse.lake_objects.record_objects(items)
    platform.warehouse._database.run_write(
        lambda c: c.exec_driver_sql("UPDATE lake_objects SET loaded_at = fetched_at")
    )
    return replace(platform, retention_policy=replace(NEVER, raw_days=7, archive_days=30))


@contextmanager
def counted_statements(platform: PipelineContext) -> Iterator[list[str]]:
    """Collect the statements of the warehouse."""
    statements: list[str] = []

    def count(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    engine = platform.warehouse._database.engine
    event.listen(engine, "before_cursor_execute", count)
    yield statements
    event.remove(engine, "before_cursor_execute", count)


@pytest.mark.parametrize(("days", "kind"), [(10, "moved"), (40, "deleted")])
def test_statements_do_not_grow_with_the_objects(
    platform: PipelineContext, days: int, kind: str
) -> None:
    with counted_statements(platform) as statements:
        result = apply_retention(platform, at_ms=TODAY_MS + days * DAY_MS)
    assert getattr(result.lake, kind).objects == OBJECTS
    assert len(statements) < OBJECTS / 10
    raw = [entry.key for entry in platform.raw_lake.list_entries()]
    archive = [entry.key for entry in platform.archive_lake.list_entries()]
    assert (len(raw), len(archive)) == (0, OBJECTS if kind == "moved" else 0)
    recorded = platform.warehouse.lake_objects.list_latest(OBJECTS * 2)
    assert sorted(item.key for item in recorded) == archive
    assert {item.bucket for item in recorded} <= {platform.archive_lake.bucket}


def test_objects_that_another_run_deletes_meanwhile_stop_no_move(
    platform: PipelineContext,
) -> None:
    gone = [entry.key for entry in platform.raw_lake.list_entries()][:5]
    platform.raw_lake.delete(gone)
    result = apply_retention(platform, at_ms=TODAY_MS + 10 * DAY_MS)
    assert (result.lake.moved.objects, result.lake.not_moved.objects) == (OBJECTS - 5, 5)


def _put_object(platform: PipelineContext, at: int) -> LakeObject:
    item, body = build_depth_object(platform.raw_lake.bucket, "BTCUSDT", b"{}", at)
    platform.raw_lake.put(item.key, body, fetched_at=at, source=item.source, rows=0)
    return item

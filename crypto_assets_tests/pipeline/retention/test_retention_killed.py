"""Retention killed with -9 between many objects: each is unchanged in one of the lakes."""

import subprocess
import sys
import time
from dataclasses import replace
from datetime import date

from crypto_assets.lake import build_depth_object
from crypto_assets.lake.directory_lake import DirectoryLake
from crypto_assets.market.lake_object import Source
from crypto_assets.market.utc_time import day_start_ms, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.retention.apply_retention import apply_retention
from crypto_assets.retention_policy import RetentionPolicy
from crypto_assets_tests.pipeline.conftest import BuildPlatform
from crypto_assets_tests.services.exchange import StartExchange

OBJECTS, KILLS = 240, 3
CAPTURED = day_start_ms(date(2025, 3, 4))

MOVER = """
import sys
from crypto_assets.exchange import open_exchange
from crypto_assets.lake import open_lake
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.retention.apply_retention import apply_retention
from crypto_assets.market.utc_time import now_ms
from crypto_assets.warehouse import Warehouse
raw, archive, warehouse = sys.argv[1:]
nowhere = "http://127.0.0.1:9"
apply_retention(PipelineContext(open_exchange(nowhere, nowhere), open_lake(raw),
                                open_lake(archive), Warehouse(warehouse), 0, 20, 1, 5),
                at_ms=now_ms())
"""


def test_a_killed_run_loses_no_object_and_the_next_one_completes(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = build_platform(simulated_exchange())
    platform = replace(platform, retention_policy=RetentionPolicy(raw_days=1, archive_days=9999))
    bodies = _store_objects(platform)
    for kill in range(1, KILLS + 1):
        with subprocess.Popen([sys.executable, "-c", MOVER, *_list_addresses(platform)]) as mover:
            while len(list(platform.archive_lake.list_entries())) < kill * OBJECTS // (KILLS + 1):
                assert mover.poll() is None, "it ended before it was killed"
                time.sleep(0.002)
            mover.kill()
        lakes = (platform.raw_lake, platform.archive_lake)
        found = {entry.key: lake.get(entry.key) for lake in lakes for entry in lake.list_entries()}
        assert found == bodies
    apply_retention(platform, at_ms=now_ms())
    assert list(platform.raw_lake.list_entries()) == []
    assert {entry.key for entry in platform.archive_lake.list_entries()} == set(bodies)
    recorded = {
        (item.bucket, item.key) for item in platform.warehouse.lake_objects.list_latest(OBJECTS * 2)
    }
    assert recorded == {(platform.archive_lake.bucket, key) for key in bodies}


def _store_objects(platform: PipelineContext) -> dict[str, bytes]:
    """Store many small old objects, marked as loaded; return the bodies by key."""
    made = [
        build_depth_object(
            platform.raw_lake.bucket, "BTCUSDT", b'{"lastUpdateId":%d}' % n, CAPTURED + n
        )
        for n in range(OBJECTS)
    ]
    for item, body in made:
        platform.raw_lake.put(
            item.key, body, fetched_at=item.fetched_at, source=Source.REST, rows=0
        )
    objects = [item for item, _ in made]
    platform.warehouse.lake_objects.record_objects(objects)
    platform.warehouse.lake_objects.mark_loaded(objects)
    _age_loads(platform)
    return {item.key: body for item, body in made}


def _age_loads(platform: PipelineContext) -> None:
    """Set the time of the loads to that of the fetches."""
    platform.warehouse._database.run_write(
        lambda c: c.exec_driver_sql("UPDATE lake_objects SET loaded_at = fetched_at")
    )


def _list_addresses(platform: PipelineContext) -> list[str]:
    assert isinstance(platform.raw_lake, DirectoryLake)
    assert isinstance(platform.archive_lake, DirectoryLake)
    database = platform.warehouse._database.url
    lakes = [str(lake.directory) for lake in (platform.raw_lake, platform.archive_lake)]
    return [*lakes, database.render_as_string(hide_password=False)]

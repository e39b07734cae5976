"""A rebuild reads many objects at once, and has a bounded number of them in memory."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from crypto_assets.lake.directory_lake import DirectoryLake
from crypto_assets.pipeline.recovery import rebuild
from crypto_assets.warehouse.klines.facts import KlineFacts
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform, run_ingest
from crypto_assets_tests.services.exchange import StartExchange

DAYS, STEP = 8, 2


def test_the_next_step_is_read_while_one_is_loaded(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    platform = build_platform(simulated_exchange())
    last = TODAY - timedelta(days=1)
    run_ingest(platform, first=last - timedelta(days=DAYS - 1), last=last)
    assert len([*platform.raw_lake.list_entries()]) >= DAYS
    monkeypatch.setattr(rebuild, "_STEP_OBJECTS", STEP)
    read, load = DirectoryLake.get_with_info, KlineFacts.restore_objects
    # Two readers must meet, which reading one by one never does.
    both = threading.Barrier(2)
    counted, reads, at_load = threading.Lock(), 0, list[int]()

    def read_together(lake: DirectoryLake, key: str) -> Any:
        nonlocal reads
        with counted:
            reads += 1
            is_first_pair = reads <= both.parties
        if is_first_pair:
            both.wait(30)
        return read(lake, key)

    def load_and_count(facts: KlineFacts, *args: Any) -> Any:
        at_load.append(reads)
        return load(facts, *args)

    monkeypatch.setattr(DirectoryLake, "get_with_info", read_together)
    monkeypatch.setattr(KlineFacts, "restore_objects", load_and_count)
    (result,) = rebuild.rebuild_from_lake(platform, ["BTCUSDT"])
    assert result.error is None and result.days == DAYS
    assert len(at_load) >= DAYS // STEP, "a step ends with a month, too"
    assert all(count <= (n + 2) * STEP for n, count in enumerate(at_load))

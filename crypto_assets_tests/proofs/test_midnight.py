"""Ticks and the closing of a day over midnight, with outages of the exchange and the daemon."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS
from crypto_assets_tests.services.exchange import NOON
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.soak.day import DayPlan, DaySoak
from crypto_assets_tests.soak.world import open_world

pytestmark = pytest.mark.timeout(1800)
# Three hours around midnight in three-minute steps, with the faults of a day of `make soak`: the
# exchange is down over midnight, the daemon before it, one symbol is rejected, minutes are missing.
THREE_HOURS = DayPlan(
    minutes=181,
    no_daemon=(66, 84),
    exchange_down=(85, 97),
    symbol_refused=(105, 112),
    no_candles=(112, 119),
    step=3,
)
# One of the steps is 00:10, when days are closed.
BEGIN = NOON + 10 * HOUR_MS + 31 * MINUTE_MS


def test_every_candle_is_stored_and_no_partition_failed(
    tmp_path: Path, mariadb: DatabaseServer
) -> None:
    with ExitStack() as stack:
        world = stack.enter_context(open_world(tmp_path, BEGIN, mariadb.fresh()))
        soak = DaySoak(world, mariadb, THREE_HOURS)
        assert len(list(soak.run())) == 61
        assert soak.runs["ingest"].count(False) >= 2, "the planned faults have an effect"
        assert "close_day" in soak.runs
        flaws = list(soak.find_flaws())
        assert flaws == []

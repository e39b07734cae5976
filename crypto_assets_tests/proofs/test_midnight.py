"""Ticks and the closing of a day over midnight, with outages of the exchange and the daemon."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS
from crypto_assets_tests.services.exchange import NOON
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.soak.day import Plan, Soak
from crypto_assets_tests.soak.world import world

pytestmark = pytest.mark.timeout(1800)
# Three hours around midnight in three-minute steps, with the faults of a day of `make soak`: the
# exchange is down over midnight, the daemon before it, one symbol is rejected, minutes are missing.
THREE_HOURS = Plan(
    minutes=181, ours=(66, 84), theirs=(85, 97), one=(105, 112), none=(112, 119), apart=3
)
# One of the steps is 00:10, when days are closed.
BEGIN = NOON + 10 * HOUR_MS + 31 * MINUTE_MS


def test_every_candle_is_stored_and_no_partition_failed(
    tmp_path: Path, mariadb: DatabaseServer
) -> None:
    with ExitStack() as stack:
        here = stack.enter_context(world(tmp_path, BEGIN, mariadb.fresh()))
        soak = Soak(here, mariadb, THREE_HOURS)
        assert len(list(soak.run())) == 61
        assert soak.runs["ingest"].count(False) >= 2, "what is planted must be felt"
        assert "close_day" in soak.runs
        flaws = list(soak.flaws())
        assert flaws == []

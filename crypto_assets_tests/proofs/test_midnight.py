"""The live job over midnight, by the clock of the exchange: ticks, closing, an outage of each."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS
from crypto_assets_tests.services.exchange import NOON
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.soak.day import Plan, Soak
from crypto_assets_tests.soak.world import world

pytestmark = pytest.mark.timeout(1800)
# Three hours around midnight in three-minute steps, and what `make soak` plants in a whole day:
# the exchange is down over midnight, our daemon before, one symbol is refused, minutes never were.
THREE_HOURS = Plan(
    minutes=181, ours=(66, 84), theirs=(85, 97), one=(105, 112), none=(112, 119), apart=3
)
# So that one of the steps is 00:10, when days are closed.
BEGIN = NOON + 10 * HOUR_MS + 31 * MINUTE_MS


def test_every_candle_is_there_and_nothing_is_red(tmp_path: Path, mariadb: DatabaseServer) -> None:
    with ExitStack() as stack:
        here = stack.enter_context(world(tmp_path, BEGIN, mariadb.fresh()))
        soak = Soak(here, mariadb, THREE_HOURS)
        assert len(list(soak.run())) == 61
        assert soak.runs["ingest"].count(False) >= 2, "what is planted must be felt"
        assert "close_day" in soak.runs
        flaws = list(soak.flaws())
        assert flaws == []

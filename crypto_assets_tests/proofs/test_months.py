"""A backfill of monthly partitions from Dagster's UI stores the same days."""

from datetime import date
from pathlib import Path

import pytest

from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets_tests.proofs.served import serve
from crypto_assets_tests.services.exchange import NOON

# A busy machine takes minutes where a quiet one takes seconds.
pytestmark = pytest.mark.timeout(1800)
FIRST, LAST = date(2025, 1, 1), date(2025, 2, 28)


def test_a_backfill_of_two_months(tmp_path: Path) -> None:
    settings = {"SYMBOLS": "BTCUSDT,ETHUSDT", "START_DATE": str(FIRST), "PARTITION_UNIT": "month"}
    with serve(tmp_path, NOON, **settings) as served:
        served.tree.start_webserver()
        served.tree.start_daemon_alone()
        ended = served.ended(served.launch(["2025-01-01|BTCUSDT", "2025-02-01|BTCUSDT"]))
        assert (ended.targeted, ended.materialized) == (2 * len(KlinesStage), 2 * len(KlinesStage))
        assert ended.succeeded
        assert served.minutes("BTCUSDT", FIRST, LAST) == (31 + 28) * 1440
        assert served.minutes("ETHUSDT", FIRST, LAST) == 0

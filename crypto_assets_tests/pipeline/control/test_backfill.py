"""Planning a backfill: the partitions that it covers, and the requests that are refused."""

from datetime import date

import pytest

from crypto_assets.errors import UnknownSymbol, WrongUse
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.backfill import Partitioning, plan_backfill, widen_to_partitions
from crypto_assets.settings import PartitionUnit
from crypto_assets_tests.pipeline.conftest import BuildPlatform
from crypto_assets_tests.services.exchange import StartExchange

START = date(2025, 1, 1)
DAYS = Partitioning(PartitionUnit.DAY, START)
MONTHS = Partitioning(PartitionUnit.MONTH, START)
# The date of the simulated exchange's clock.
TODAY = date(2025, 3, 6)


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> PipelineContext:
    return build_platform(simulated_exchange(), "BTCUSDT", "ETHUSDT")


def test_a_plan_includes_both_days(platform: PipelineContext) -> None:
    wanted = plan_backfill(platform, DAYS, ["ethusdt"], date(2025, 3, 5), TODAY)
    assert wanted.partition_keys == ("2025-03-05|ETHUSDT", "2025-03-06|ETHUSDT")
    assert wanted.title == "ETHUSDT 2025-03-05 to 2025-03-06"


def test_a_plan_without_symbols_covers_every_tracked_one(platform: PipelineContext) -> None:
    wanted = plan_backfill(platform, DAYS, None, TODAY, TODAY)
    assert wanted.partition_keys == ("2025-03-06|BTCUSDT", "2025-03-06|ETHUSDT")


def test_a_range_is_widened_to_whole_months_up_to_today(platform: PipelineContext) -> None:
    wanted = plan_backfill(platform, MONTHS, ["BTCUSDT"], date(2025, 2, 11), date(2025, 3, 2))
    assert (wanted.first, wanted.last) == (date(2025, 2, 1), TODAY)
    assert wanted.partition_keys == ("2025-02-01|BTCUSDT", "2025-03-01|BTCUSDT")
    whole = widen_to_partitions(PartitionUnit.MONTH, date(2024, 2, 29), date(2024, 12, 1), TODAY)
    assert whole == (date(2024, 2, 1), date(2024, 12, 31))


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (TODAY, date(2025, 3, 5), "from 2025-03-06 is after to 2025-03-05: swap them"),
        (TODAY, date(2025, 3, 7), "to 2025-03-07 is in the future: today is 2025-03-06"),
        (date(2024, 12, 31), TODAY, "from 2024-12-31 is before START_DATE 2025-01-01"),
    ],
)
def test_an_impossible_range_is_refused(
    platform: PipelineContext, first: date, last: date, reason: str
) -> None:
    with pytest.raises(WrongUse, match=reason):
        plan_backfill(platform, DAYS, None, first, last)


def test_untracked_symbols_are_refused_by_name(platform: PipelineContext) -> None:
    with pytest.raises(UnknownSymbol, match="not tracked: XRPUSDT; add them"):
        plan_backfill(platform, DAYS, ["BTCUSDT", "XRPUSDT"], TODAY, TODAY)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        platform.warehouse.symbols.untrack_symbol(symbol)
    with pytest.raises(WrongUse, match="no symbol is tracked"):
        plan_backfill(platform, DAYS, None, TODAY, TODAY)


def test_more_partitions_than_dagster_can_show_are_refused(
    platform: PipelineContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crypto_assets.pipeline.control.backfill.MAX_PARTITION_KEYS", 127)
    with pytest.raises(WrongUse, match=r"65 partitions of each of 2 symbols are more than 127"):
        plan_backfill(platform, DAYS, None, START, TODAY)

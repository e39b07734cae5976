"""Partition keys and runs of days and symbols."""

from datetime import date
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_assets.dagster_ext.instance_home import prepare_home
from crypto_assets.defs.assets.klines import (
    MAX_KEYS_PER_RUN,
    count_keys_per_run,
    get_keys_per_run,
    klines_assets,
)
from crypto_assets.defs.backfill import split_dates, split_into_rectangles
from crypto_assets.defs.markets import DEFAULT_MARKET
from crypto_assets.defs.partitions import (
    DEFAULT_PARTITIONS,
    group_adjacent_dates,
)
from crypto_assets.market.utc_time import Window
from crypto_assets.settings import PartitionUnit

_DATES = [f"2025-01-{day:02}" for day in range(1, 13)]


@given(st.sets(st.sampled_from(_DATES)))
def test_groups_of_adjacent_dates_are_unbroken_and_hold_exactly_the_wanted(
    wanted: set[str],
) -> None:
    groups = group_adjacent_dates(_DATES, wanted)
    assert [day for group in groups for day in group] == sorted(wanted)
    for group in groups:
        first = _DATES.index(group[0])
        assert list(group) == _DATES[first : first + len(group)]
    for before, after in pairwise(groups):
        assert _DATES.index(after[0]) > _DATES.index(before[-1]) + 1, "one group otherwise"


def test_keys_of_a_run_are_grouped_by_symbol() -> None:
    found = DEFAULT_PARTITIONS.group_keys_by_symbol(
        ["2025-01-02|BTCUSDT", "2025-01-01|ETHUSDT", "2025-01-01|BTCUSDT"]
    )
    assert [one.symbol for one in found] == ["BTCUSDT", "ETHUSDT"]
    assert [str(key) for key in found[0].keys] == ["2025-01-01|BTCUSDT", "2025-01-02|BTCUSDT"]
    assert found[0].window == Window.of_days(date(2025, 1, 1), date(2025, 1, 2))


def test_date_keys_include_both_ends() -> None:
    assert DEFAULT_PARTITIONS.list_date_keys(date(2025, 1, 30), date(2025, 2, 1)) == [
        "2025-01-30",
        "2025-01-31",
        "2025-02-01",
    ]


def test_runs_cover_every_key_once_and_have_a_limited_size() -> None:
    first, last = date(2025, 1, 1), date(2025, 12, 31)
    parts = split_into_rectangles(["A", "D", "B"], first, last)
    keys = [key for part in parts for key in part.partition_keys]
    assert len(keys) == len(set(keys)) == 3 * 365
    assert max(len(part.partition_keys) for part in parts) <= MAX_KEYS_PER_RUN
    assert {part.symbols for part in parts} == {("A", "D", "B")}, "whatever their order in Dagster"


@pytest.mark.parametrize(
    ("run_days", "unit", "keys"),
    [
        (None, PartitionUnit.DAY, MAX_KEYS_PER_RUN),
        (None, PartitionUnit.MONTH, MAX_KEYS_PER_RUN),
        (30, PartitionUnit.DAY, 30),
        (90, PartitionUnit.MONTH, 3),
        (7, PartitionUnit.MONTH, 1),
    ],
)
def test_the_days_in_a_run_limit_its_partitions(
    run_days: int | None, unit: PartitionUnit, keys: int
) -> None:
    assert count_keys_per_run(run_days, unit) == keys


def test_the_years_of_one_symbol_are_runs_that_workers_share() -> None:
    dates = DEFAULT_PARTITIONS.list_date_keys(date(2022, 1, 1), date(2024, 12, 31))
    parts = list(split_dates(dates, ("A",), 30))
    assert [day for part in parts for day in part.dates] == dates
    assert len(parts) == 37
    assert max(len(part.dates) for part in parts) == 30


def test_dagsters_backfills_and_those_of_sensors_have_runs_of_one_size() -> None:
    policy = klines_assets.backfill_policy
    assert policy and policy.max_partitions_per_run == get_keys_per_run(DEFAULT_MARKET)


def test_a_users_dagster_yaml_is_left_unchanged(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    prepare_home(tmp_path)
    assert (tmp_path / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"
    fresh = tmp_path / "fresh"
    prepare_home(fresh)
    with dg.DagsterInstance.from_config(str(fresh)) as instance:
        assert instance.run_coordinator

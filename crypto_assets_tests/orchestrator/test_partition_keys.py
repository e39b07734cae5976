"""How a run's tags describe its partitions."""

import pytest

from crypto_assets.orchestrator.partition_keys import (
    build_partition_tags,
    describe_run_partitions,
    parse_partition_symbol,
)

_RANGE = {
    "dagster/asset_partition_range_start": "2025-03-04|BTCUSDT",
    "dagster/asset_partition_range_end": "2025-03-05|BTCUSDT",
}
_NAMES = [f"S{number}USDT" for number in range(400)]


@pytest.mark.parametrize(
    ("tags", "description", "symbol"),
    [
        ({}, None, ""),
        ({"dagster/partition": "2025-03-04|BTCUSDT"}, "2025-03-04|BTCUSDT", "BTCUSDT"),
        (_RANGE, "2025-03-04|BTCUSDT to 2025-03-05|BTCUSDT", "BTCUSDT"),
        (build_partition_tags(["2025-03-04"], ["ETHUSDT"]), "2025-03-04|ETHUSDT", "ETHUSDT"),
        (
            build_partition_tags(["2025-03-03", "2025-03-04"], ["ETHUSDT"]),
            "2025-03-03 to 2025-03-04|ETHUSDT",
            "ETHUSDT",
        ),
        (
            build_partition_tags(["2025-03-04"], ["ETHUSDT", "BTCUSDT"]),
            "2025-03-04|ETHUSDT, BTCUSDT",
            "",
        ),
    ],
)
def test_tags_are_described_and_name_at_most_one_symbol(
    tags: dict[str, str], description: str | None, symbol: str
) -> None:
    assert describe_run_partitions(tags) == description
    assert parse_partition_symbol(description or "") == symbol


def test_tags_of_a_whole_exchange_stay_short() -> None:
    tags = build_partition_tags(["2025-03-04"], _NAMES)
    assert tags["crypto/symbols"].startswith("400 symbols (S0USDT, S1USDT, ")
    assert tags["crypto/symbols"].endswith(", S9USDT, …)")
    assert max(map(len, tags.values())) < 200
    assert parse_partition_symbol(describe_run_partitions(tags) or "") == ""

"""Partition keys as text (`2025-03-06|BTCUSDT`), and the tags that name a run's partitions."""

from collections.abc import Mapping
from datetime import date

from crypto_assets.market.utc_time import Window
from crypto_assets.settings import PartitionUnit

# The dynamic partitions definition with one key per symbol.
SYMBOL_PARTITIONS_NAME = "symbols"
PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


def format_partition_key(date_key: str, symbol: str) -> str:
    """Return the key of one date and one symbol, as Dagster writes a multi-partition key."""
    return f"{date_key}|{symbol}"


def parse_partition_symbol(partitions: str) -> str:
    """Return the symbol of a key or a range of keys; "" if there are several symbols or none."""
    symbols = {part.split(" ")[0] for part in partitions.split("|")[1:]}
    return symbols.pop() if len(symbols) == 1 else ""


def format_date_key(unit: PartitionUnit, day: date) -> str:
    """Return the key of the date dimension that contains a UTC day."""
    return (day.replace(day=1) if unit is PartitionUnit.MONTH else day).isoformat()


def build_date_keys(unit: PartitionUnit, first: date, last: date) -> list[str]:
    """Return the keys of the date dimension that contain the UTC days, both inclusive."""
    days = Window.of_days(first, last).iter_days()
    return list(dict.fromkeys(format_date_key(unit, day) for day in days))


def describe_run_partitions(tags: Mapping[str, str]) -> str | None:
    """Return a run's partition key, or `FIRST to LAST` for a range; None without partitions."""
    first = tags.get(RANGE_START_TAG) or tags.get(PARTITION_TAG)
    last = tags.get(RANGE_END_TAG, first)
    return first if last == first else f"{first} to {last}"

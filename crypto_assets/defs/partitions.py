"""Partitions: a UTC day (or month) by a symbol."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import dagster as dg

from crypto_assets.market.utc_time import Window, cover_windows, to_epoch_ms
from crypto_assets.orchestrator.partition_keys import (
    RANGE_END_TAG,
    RANGE_START_TAG,
    SYMBOL_PARTITIONS_NAME,
    build_date_keys,
    format_date_key,
)
from crypto_assets.settings import PartitionUnit, get_settings

# The skip reason of a schedule before the first tick of that sensor.
NO_PARTITIONS_REASON = "no tracked symbol has partitions yet: the sensor `symbols` adds them"

symbol_partitions_def = dg.DynamicPartitionsDefinition(name=SYMBOL_PARTITIONS_NAME)

_PARTITIONS_CLASSES: dict[PartitionUnit, type[dg.TimeWindowPartitionsDefinition]] = {
    PartitionUnit.DAY: dg.DailyPartitionsDefinition,
    PartitionUnit.MONTH: dg.MonthlyPartitionsDefinition,
}


def _build_date_partitions(unit: PartitionUnit, start: date) -> dg.TimeWindowPartitionsDefinition:
    # end_offset=1 includes the current day or month, which has not ended.
    return _PARTITIONS_CLASSES[unit](start_date=format_date_key(unit, start), end_offset=1)  # type: ignore[call-arg]


date_partitions_def = _build_date_partitions(
    get_settings().partition_unit, get_settings().start_date
)
date_symbol_partitions_def = dg.MultiPartitionsDefinition(
    {"date": date_partitions_def, "symbol": symbol_partitions_def}
)


@dataclass(frozen=True)
class SymbolKeys:
    """The partition keys of one symbol in a run, oldest first."""

    symbol: str
    keys: tuple[dg.MultiPartitionKey, ...]

    @property
    def window(self) -> Window:
        """The time from the first key's start to the last key's end."""
        return cover_windows(map(partition_window, self.keys))


def partition_window(key: dg.MultiPartitionKey) -> Window:
    """Return the time window of one key."""
    span = date_partitions_def.time_window_for_partition_key(key.keys_by_dimension["date"])
    return Window(to_epoch_ms(span.start), to_epoch_ms(span.end))


def group_keys_by_symbol(texts: Iterable[str]) -> list[SymbolKeys]:
    """Group a run's keys by symbol, in the order of first occurrence."""
    groups: dict[str, list[dg.MultiPartitionKey]] = {}
    for text in texts:
        key = date_symbol_partitions_def.get_partition_key_from_str(str(text))
        groups.setdefault(key.keys_by_dimension["symbol"], []).append(key)
    return [
        SymbolKeys(symbol, tuple(sorted(keys, key=lambda key: key.keys_by_dimension["date"])))
        for symbol, keys in groups.items()
    ]


def date_key(day: date) -> str:
    """Return the key of the date dimension that contains a UTC day."""
    return format_date_key(get_settings().partition_unit, day)


def list_date_keys(first: date, last: date) -> list[str]:
    """List the keys of the date dimension that contain the UTC days, both inclusive."""
    return build_date_keys(get_settings().partition_unit, first, last)


def has_partitions(first: date, last: date) -> bool:
    """Whether both days have partitions; imported data may be older than START_DATE."""
    return date_partitions_def.has_partition_key(
        date_key(first)
    ) and date_partitions_def.has_partition_key(date_key(last))


def list_partitioned_symbols(instance: dg.DagsterInstance, wanted: Iterable[str]) -> list[str]:
    """List the symbols that have partitions, in the given order."""
    known = set(instance.get_dynamic_partitions(SYMBOL_PARTITIONS_NAME))
    return [name for name in wanted if name in known]


def group_adjacent_dates(dates: Iterable[str], wanted: Collection[str]) -> list[tuple[str, ...]]:
    """Group the `wanted` ones of ascending date keys, a group for each unbroken range of them."""
    return [tuple(group) for inside, group in groupby(dates, wanted.__contains__) if inside]


def range_tags(first: str, last: str) -> dict[str, str]:
    """Build the tags with which Dagster plans a run of all keys between two partition keys."""
    return {RANGE_START_TAG: first, RANGE_END_TAG: last}


def list_unpartitioned_symbols(instance: dg.DagsterInstance, wanted: Iterable[str]) -> list[str]:
    """List the symbols that have no partitions yet, in the given order."""
    known = set(instance.get_dynamic_partitions(SYMBOL_PARTITIONS_NAME))
    return [name for name in wanted if name not in known]


def register_symbol_partitions(instance: dg.DagsterInstance, symbols: Sequence[str]) -> None:
    """Add symbols as partition keys; existing keys stay and keep their order."""
    if missing := list_unpartitioned_symbols(instance, symbols):
        instance.add_dynamic_partitions(SYMBOL_PARTITIONS_NAME, missing)

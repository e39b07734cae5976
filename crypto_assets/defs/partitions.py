"""How the data is cut: a UTC day (or month) by a symbol."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg

from crypto_assets.market.utc_time import Window, cover_windows, to_epoch_ms
from crypto_assets.settings import PartitionUnit, get_settings

SYMBOL_PARTITIONS_NAME = "symbols"

symbol_partitions_def = dg.DynamicPartitionsDefinition(name=SYMBOL_PARTITIONS_NAME)

# end_offset=1: the day (or month) that is still running is a partition too.
_PARTITIONS_CLASSES: dict[PartitionUnit, type[dg.TimeWindowPartitionsDefinition]] = {
    PartitionUnit.DAY: dg.DailyPartitionsDefinition,
    PartitionUnit.MONTH: dg.MonthlyPartitionsDefinition,
}


def _build_date_partitions(unit: PartitionUnit, start: date) -> dg.TimeWindowPartitionsDefinition:
    first = start.replace(day=1) if unit is PartitionUnit.MONTH else start
    return _PARTITIONS_CLASSES[unit](start_date=first.isoformat(), end_offset=1)  # type: ignore[call-arg]


date_partitions_def = _build_date_partitions(
    get_settings().partition_unit, get_settings().start_date
)
date_symbol_partitions_def = dg.MultiPartitionsDefinition(
    {"date": date_partitions_def, "symbol": symbol_partitions_def}
)


@dataclass(frozen=True)
class SymbolKeys:
    """The partition keys of one symbol in a run, oldest first, and the time that they cover."""

    symbol: str
    keys: tuple[dg.MultiPartitionKey, ...]

    @property
    def window(self) -> Window:
        return cover_windows(map(partition_window, self.keys))


def partition_window(key: dg.MultiPartitionKey) -> Window:
    """The stretch of time of one key."""
    span = date_partitions_def.time_window_for_partition_key(key.keys_by_dimension["date"])
    return Window(to_epoch_ms(span.start), to_epoch_ms(span.end))


def group_keys_by_symbol(keys: Iterable[str]) -> list[SymbolKeys]:
    """A run's keys, one entry for each symbol in the order in which they come."""
    found: dict[str, list[dg.MultiPartitionKey]] = {}
    for text in keys:
        key = date_symbol_partitions_def.get_partition_key_from_str(str(text))
        found.setdefault(key.keys_by_dimension["symbol"], []).append(key)
    return [
        SymbolKeys(symbol, tuple(sorted(own, key=lambda key: key.keys_by_dimension["date"])))
        for symbol, own in found.items()
    ]


def date_key(day: date) -> str:
    """The date dimension's key in which a UTC day lies."""
    first = day.replace(day=1) if get_settings().partition_unit is PartitionUnit.MONTH else day
    return first.isoformat()


def list_date_keys(first: date, last: date) -> list[str]:
    """All keys of the date dimension between two UTC days, both inclusive."""
    keys = date_partitions_def.get_partition_keys_in_range(
        dg.PartitionKeyRange(date_key(first), date_key(last))
    )
    return list(keys)


def has_partitions(first: date, last: date) -> bool:
    """Whether Dagster has both days; what was imported may be older than START_DATE."""
    return date_partitions_def.has_partition_key(
        date_key(first)
    ) and date_partitions_def.has_partition_key(date_key(last))


def list_partitioned_symbols(instance: dg.DagsterInstance, wanted: Iterable[str]) -> list[str]:
    """Those of the symbols that are partitions, in the order in which Dagster keeps them."""
    chosen = set(wanted)
    return [
        name for name in instance.get_dynamic_partitions(SYMBOL_PARTITIONS_NAME) if name in chosen
    ]


def find_contiguous_ranges(known: Sequence[str], wanted: Iterable[str]) -> list[tuple[str, str]]:
    """`wanted` as (first, last) stretches of `known`.

    A range of keys names its ends only, and Dagster orders dynamic keys by insertion: a subset
    with a hole in it takes several ranges.
    """
    chosen = set(wanted)
    stretches: list[tuple[str, str]] = []
    previous_chosen = False
    for name in known:
        if name in chosen:
            first = stretches.pop()[0] if previous_chosen else name
            stretches.append((first, name))
        previous_chosen = name in chosen
    return stretches


def rectangle_tags(dates: Sequence[str], symbols: Sequence[str]) -> dict[str, str]:
    """`range_tags` of the keys between the ends of both, symbols in Dagster's order."""
    ends = [dg.MultiPartitionKey({"date": dates[at], "symbol": symbols[at]}) for at in (0, -1)]
    return range_tags(*map(str, ends))


def range_tags(first: str, last: str) -> dict[str, str]:
    """Tags that make one run cover the rectangle between two keys of `date_symbol`."""
    return {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }


def register_symbol_partitions(instance: dg.DagsterInstance, symbols: Sequence[str]) -> None:
    """Make symbols partitions; those that are stay where they stand in Dagster's order."""
    known = set(instance.get_dynamic_partitions(SYMBOL_PARTITIONS_NAME))
    missing = [name for name in symbols if name not in known]
    if missing:
        instance.add_dynamic_partitions(SYMBOL_PARTITIONS_NAME, missing)

"""How the data is cut: a UTC day (or month) by a symbol."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg

from crypto_assets.market.utc_time import Window, to_epoch_ms
from crypto_assets.settings import PartitionUnit, get_settings

SYMBOLS = "symbols"

symbols = dg.DynamicPartitionsDefinition(name=SYMBOLS)

# end_offset=1: the day (or month) that is still running is a partition too.
_UNITS: dict[PartitionUnit, type[dg.TimeWindowPartitionsDefinition]] = {
    PartitionUnit.DAY: dg.DailyPartitionsDefinition,
    PartitionUnit.MONTH: dg.MonthlyPartitionsDefinition,
}


def _dates(unit: PartitionUnit, start: date) -> dg.TimeWindowPartitionsDefinition:
    first = start.replace(day=1) if unit is PartitionUnit.MONTH else start
    return _UNITS[unit](start_date=first.isoformat(), end_offset=1)  # type: ignore[call-arg]


dates = _dates(get_settings().partition_unit, get_settings().start_date)
date_symbol = dg.MultiPartitionsDefinition({"date": dates, "symbol": symbols})


@dataclass(frozen=True)
class SymbolKeys:
    """The partition keys of one symbol in a run, oldest first, and the time that they cover."""

    symbol: str
    keys: tuple[dg.MultiPartitionKey, ...]

    @property
    def window(self) -> Window:
        return Window(window_of(self.keys[0]).start_ms, window_of(self.keys[-1]).end_ms)


def window_of(key: dg.MultiPartitionKey) -> Window:
    """The stretch of time of one key."""
    span = dates.time_window_for_partition_key(key.keys_by_dimension["date"])
    return Window(to_epoch_ms(span.start), to_epoch_ms(span.end))


def by_symbol(keys: Iterable[str]) -> list[SymbolKeys]:
    """A run's keys, one entry for each symbol in the order in which they come."""
    found: dict[str, list[dg.MultiPartitionKey]] = {}
    for text in keys:
        key = date_symbol.get_partition_key_from_str(str(text))
        found.setdefault(key.keys_by_dimension["symbol"], []).append(key)
    return [
        SymbolKeys(symbol, tuple(sorted(own, key=lambda key: key.keys_by_dimension["date"])))
        for symbol, own in found.items()
    ]


def date_key(day: date) -> str:
    """The date dimension's key in which a UTC day lies."""
    first = day.replace(day=1) if get_settings().partition_unit is PartitionUnit.MONTH else day
    return first.isoformat()


def date_keys(first: date, last: date) -> list[str]:
    """All keys of the date dimension between two UTC days, both inclusive."""
    keys = dates.get_partition_keys_in_range(dg.PartitionKeyRange(date_key(first), date_key(last)))
    return list(keys)


def has_partitions(first: date, last: date) -> bool:
    """Whether Dagster has both days; what was imported may be older than START_DATE."""
    return dates.has_partition_key(date_key(first)) and dates.has_partition_key(date_key(last))


def known_symbols(instance: dg.DagsterInstance, wanted: Iterable[str]) -> list[str]:
    """Those of the symbols that are partitions, in the order in which Dagster keeps them."""
    chosen = set(wanted)
    return [name for name in instance.get_dynamic_partitions(SYMBOLS) if name in chosen]


def contiguous(known: Sequence[str], wanted: Iterable[str]) -> list[tuple[str, str]]:
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


def add_symbols(instance: dg.DagsterInstance, symbols: Sequence[str]) -> None:
    """Make symbols partitions; those that are stay where they stand in Dagster's order."""
    known = set(instance.get_dynamic_partitions(SYMBOLS))
    missing = [name for name in symbols if name not in known]
    if missing:
        instance.add_dynamic_partitions(SYMBOLS, missing)

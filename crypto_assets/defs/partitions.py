"""Partitions: a UTC day (or month) by a symbol."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import groupby

import dagster as dg

from crypto_assets.market.utc_time import Window, cover_windows, to_epoch_ms
from crypto_assets.orchestrator.partition_keys import (
    SYMBOL_PARTITIONS_NAME,
    build_date_keys,
    format_date_key,
)
from crypto_assets.settings import PartitionUnit, get_settings

# The skip reason of a schedule before the first tick of that sensor.
NO_PARTITIONS_REASON = "no tracked symbol has partitions yet: the sensor `symbols` adds them"

_PARTITIONS_CLASSES: dict[PartitionUnit, type[dg.TimeWindowPartitionsDefinition]] = {
    PartitionUnit.DAY: dg.DailyPartitionsDefinition,
    PartitionUnit.MONTH: dg.MonthlyPartitionsDefinition,
}


@dataclass(frozen=True)
class SymbolKeys:
    """The partition keys of one symbol in a run, oldest first.

    `window` is the time from the first key's start to the last key's end.
    """

    symbol: str
    keys: tuple[dg.MultiPartitionKey, ...]
    window: Window


@dataclass(frozen=True)
class MarketPartitions:
    """The partitions of a market's assets: UTC days or months since a day, by symbols.

    `symbols_name` is the dynamic partitions definition with one key per symbol.
    """

    unit: PartitionUnit
    start: date
    symbols_name: str

    @cached_property
    def dates_def(self) -> dg.TimeWindowPartitionsDefinition:
        """The dimension `date`."""
        # end_offset=1 includes the current day or month, which has not ended.
        return _PARTITIONS_CLASSES[self.unit](start_date=self.date_key(self.start), end_offset=1)  # type: ignore[call-arg]

    @cached_property
    def symbols_def(self) -> dg.DynamicPartitionsDefinition:
        """The dimension `symbol`."""
        return dg.DynamicPartitionsDefinition(name=self.symbols_name)

    @cached_property
    def keys_def(self) -> dg.MultiPartitionsDefinition:
        """The partitions of an asset: `date` by `symbol`."""
        return dg.MultiPartitionsDefinition({"date": self.dates_def, "symbol": self.symbols_def})

    def partition_window(self, key: dg.MultiPartitionKey) -> Window:
        """Return the time window of one key."""
        span = self.dates_def.time_window_for_partition_key(key.keys_by_dimension["date"])
        return Window(to_epoch_ms(span.start), to_epoch_ms(span.end))

    def group_keys_by_symbol(self, texts: Iterable[str]) -> list[SymbolKeys]:
        """Group a run's keys by symbol, in the order of first occurrence."""
        groups: dict[str, list[dg.MultiPartitionKey]] = {}
        for text in texts:
            key = self.keys_def.get_partition_key_from_str(str(text))
            groups.setdefault(key.keys_by_dimension["symbol"], []).append(key)
        return [
            SymbolKeys(
                symbol,
                tuple(sorted(keys, key=lambda key: key.keys_by_dimension["date"])),
                cover_windows(map(self.partition_window, keys)),
            )
            for symbol, keys in groups.items()
        ]

    def date_key(self, day: date) -> str:
        """Return the key of the date dimension that contains a UTC day."""
        return format_date_key(self.unit, day)

    def find_invalid_date_key(self, texts: Iterable[str]) -> str | None:
        """Return the first text that is no key of the date dimension, or one before START_DATE.

        A future key is valid: the exchange's clock may be ahead of this machine's.
        """
        first = self.date_key(self.start)
        for text in texts:
            try:
                day = date.fromisoformat(text)
            except ValueError:
                return text
            if self.date_key(day) != text or text < first:
                return text
        return None

    def list_date_keys(self, first: date, last: date) -> list[str]:
        """List the keys of the date dimension that contain the UTC days, both inclusive."""
        return build_date_keys(self.unit, first, last)

    def has_partitions(self, first: date, last: date) -> bool:
        """Whether both days have partitions; imported data may be older than START_DATE."""
        return all(self.dates_def.has_partition_key(self.date_key(day)) for day in (first, last))

    def list_known_symbols(self, instance: dg.DagsterInstance) -> list[str]:
        """List all symbols that have partitions."""
        return list(instance.get_dynamic_partitions(self.symbols_name))

    def list_partitioned_symbols(
        self, instance: dg.DagsterInstance, wanted: Iterable[str]
    ) -> list[str]:
        """List the wanted symbols that have partitions, in the given order."""
        known = set(self.list_known_symbols(instance))
        return [name for name in wanted if name in known]

    def list_unpartitioned_symbols(
        self, instance: dg.DagsterInstance, wanted: Iterable[str]
    ) -> list[str]:
        """List the symbols that have no partitions yet, in the given order."""
        known = set(self.list_known_symbols(instance))
        return [name for name in wanted if name not in known]

    def register_symbols(self, instance: dg.DagsterInstance, symbols: Sequence[str]) -> None:
        """Add symbols as partition keys; existing keys stay and keep their order."""
        if missing := self.list_unpartitioned_symbols(instance, symbols):
            instance.add_dynamic_partitions(self.symbols_name, missing)


DEFAULT_PARTITIONS = MarketPartitions(
    get_settings().partition_unit, get_settings().start_date, SYMBOL_PARTITIONS_NAME
)


def group_adjacent_dates(dates: Iterable[str], wanted: Collection[str]) -> list[tuple[str, ...]]:
    """Return the contiguous groups of wanted keys in an ascending list of date keys."""
    return [tuple(group) for inside, group in groupby(dates, wanted.__contains__) if inside]


def register_symbol_partitions(instance: dg.DagsterInstance, symbols: Sequence[str]) -> None:
    """Add symbols as partition keys of the default market."""
    DEFAULT_PARTITIONS.register_symbols(instance, symbols)

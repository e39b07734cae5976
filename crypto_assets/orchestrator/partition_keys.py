"""Partition keys as text (`2025-03-06|BTCUSDT`), and the tags that name a run's partitions."""

from collections.abc import Mapping, Sequence
from datetime import date

from crypto_assets.market.utc_time import Window
from crypto_assets.settings import PartitionUnit

# The dynamic partitions definition with one key per symbol.
SYMBOL_PARTITIONS_NAME = "symbols"
PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
# What a run without those tags ingests, in words: its run config has the exact lists.
DAYS_TAG = "crypto/days"
SYMBOLS_TAG = "crypto/symbols"
# Dagster's UI shows the beginning of each tag next to a run, and all of it on its page.
_MAX_NAMED_SYMBOLS = 10
_TO = " to "


def format_partition_key(date_key: str, symbol: str) -> str:
    """Return the key of one date and one symbol, as Dagster writes a multi-partition key."""
    return f"{date_key}|{symbol}"


def parse_partition_symbol(partitions: str) -> str:
    """Return the symbol of keys that `describe_run_partitions` has described, or of one key.

    Returns "" if there are several symbols or none.
    """
    symbols = {part.split(" ")[0] for part in partitions.split("|")[1:]}
    return symbols.pop() if len(symbols) == 1 and "," not in partitions else ""


def format_date_key(unit: PartitionUnit, day: date) -> str:
    """Return the key of the date dimension that contains a UTC day."""
    return (day.replace(day=1) if unit is PartitionUnit.MONTH else day).isoformat()


def build_date_keys(unit: PartitionUnit, first: date, last: date) -> list[str]:
    """Return the keys of the date dimension that contain the UTC days, both inclusive."""
    days = Window.of_days(first, last).iter_days()
    return list(dict.fromkeys(format_date_key(unit, day) for day in days))


def build_partition_tags(dates: Sequence[str], symbols: Sequence[str]) -> dict[str, str]:
    """Build the tags that describe the date keys and symbols of a run without Dagster's tags."""
    named = ", ".join(symbols[:_MAX_NAMED_SYMBOLS])
    if len(symbols) > _MAX_NAMED_SYMBOLS:
        named = f"{len(symbols)} symbols ({named}, …)"
    return {DAYS_TAG: _describe_range(dates[0], dates[-1]), SYMBOLS_TAG: named}


def describe_run_partitions(tags: Mapping[str, str]) -> str | None:
    """Describe a run's partitions: `KEY`, `FIRST to LAST`, or `DAYS|SYMBOLS`; None without any."""
    if first := tags.get(RANGE_START_TAG) or tags.get(PARTITION_TAG):
        return _describe_range(first, tags.get(RANGE_END_TAG, first))
    return f"{tags[DAYS_TAG]}|{tags[SYMBOLS_TAG]}" if DAYS_TAG in tags else None


def parse_run_dates(tags: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the first and the last date key of a run, whichever tags name them; None without."""
    if described := tags.get(DAYS_TAG):
        first, _, last = described.partition(_TO)
        return first, last or first
    if first_key := tags.get(RANGE_START_TAG) or tags.get(PARTITION_TAG):
        last_key = tags.get(RANGE_END_TAG, first_key)
        return first_key.partition("|")[0], last_key.partition("|")[0]
    return None


def describe_partition_keys(keys: Sequence[str]) -> str | None:
    """Describe keys as a backfill is titled: `BTCUSDT, ETHUSDT 2026-09-01 to 2026-09-06`."""
    pairs = [key.partition("|") for key in keys]
    dates = sorted({date_key for date_key, _, _ in pairs})
    if not dates:
        return None
    symbols = list(dict.fromkeys(symbol for _, _, symbol in pairs if symbol))
    named = build_partition_tags(dates, symbols) if symbols else {DAYS_TAG: "", SYMBOLS_TAG: ""}
    return f"{named[SYMBOLS_TAG]} {_describe_range(dates[0], dates[-1])}".strip()


def _describe_range(first: str, last: str) -> str:
    return first if last == first else f"{first}{_TO}{last}"

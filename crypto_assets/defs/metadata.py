"""What a person sees of a materialised partition: counts to plot, its reach in time, links.

Dagster plots numbers over time: each means the same in every run, and is of the whole partition
unless its name says that it is of the run.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import dagster as dg

from crypto_assets.defs.partitions import date_key, partition_window
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window, from_epoch_ms
from crypto_assets.pipeline.stages.results import DayOutcome, KlinesStage, OrderBookStage
from crypto_assets.settings import get_settings

# The asset's own interval, and the days up to the partition's end that a chart of it shows.
_CHART_VIEWS: dict[KlinesStage | OrderBookStage, tuple[Interval, int]] = {
    KlinesStage.HOURS: (Interval.H1, 30),
    KlinesStage.DAYS: (Interval.D1, 365),
}
_MINUTE_CHART = (Interval.M1, 1)
_RUNBOOK_PATH = "docs/operations.md"


def partition_metadata(days: Sequence[DayOutcome]) -> dict[str, Any]:
    """Of one key of one asset: `days` are those of its days that the run touched."""
    # Each of them has the figures of the whole partition.
    any_day = days[0]
    key = dg.MultiPartitionKey({"date": date_key(any_day.day), "symbol": any_day.symbol})
    window = partition_window(key)
    one_day = window == Window.of_day(any_day.day)
    found: dict[str, Any] = {
        **({} if any_day.rows is None else {"dagster/partition_row_count": any_day.rows}),
        **({} if any_day.missing_minutes is None else {"missing": any_day.missing_minutes}),
        **_build_candle_range(any_day),
        "chart": chart_link(any_day.stage, any_day.symbol, window),
    }
    for name in dict.fromkeys(name for day in days for name in day.details):
        found |= _summarize_fact(name, [day for day in days if name in day.details], one_day)
    return found


def chart_link(
    stage: KlinesStage | OrderBookStage, symbol: str, window: Window
) -> dg.UrlMetadataValue:
    """The app's page Analytics, zoomed to the partition, or to what led to it."""
    interval, days = _CHART_VIEWS.get(stage, _MINUTE_CHART)
    start = min(window.start_ms, window.end_ms - days * DAY_MS)
    view = f"{start // 1000}-{window.end_ms // 1000}"
    query = urlencode({"symbol": symbol, "interval": interval, "view": view})
    return dg.MetadataValue.url(f"{get_settings().app_link_url}/analytics?{query}")


def runbook_link(section: str = "") -> dg.UrlMetadataValue | dg.PathMetadataValue:
    """A section of docs/operations.md: its address where the settings have one, else the file."""
    anchor = f"#{section}" if section else ""
    if url := get_settings().runbook_url:
        return dg.MetadataValue.url(f"{url}{anchor}")
    return dg.MetadataValue.path(f"{_RUNBOOK_PATH}{anchor}")


def _summarize_fact(name: str, days: Sequence[DayOutcome], one_day: bool) -> dict[str, Any]:
    """Counts are summed over a month's days, keys of the lake are joined, notes kept by day."""
    values = [day.details[name] for day in days]
    if name == "keys":
        keys = [str(key) for value in values if isinstance(value, list) for key in value]
        return {**_object_link(keys), **({"lake_objects": keys} if len(keys) > 1 else {})}
    if all(isinstance(value, int) for value in values):
        return {name: sum(value for value in values if isinstance(value, int))}
    if one_day:
        return {name: str(values[0])}
    return {name: {str(day.day): str(day.details[name]) for day in days}}


def _object_link(keys: Sequence[str]) -> dict[str, Any]:
    """Where the newest object lies: an address of the store, or a file."""
    if not keys:
        return {}
    return {"lake_object": dg.MetadataValue.path(f"{get_settings().lake_raw_url}/{keys[-1]}")}


def _build_candle_range(outcome: DayOutcome) -> dict[str, Any]:
    """The span goes to the end of the last candle: of a whole day's minutes it is 1440."""
    if outcome.time_range is None:
        return {}
    first, last = outcome.time_range
    interval, _ = _CHART_VIEWS.get(outcome.stage, _MINUTE_CHART)
    return {
        "first_candle": dg.MetadataValue.timestamp(from_epoch_ms(first)),
        "last_candle": dg.MetadataValue.timestamp(from_epoch_ms(last)),
        "span_minutes": (last + interval.ms - first) // MINUTE_MS,
    }

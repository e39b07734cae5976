"""What a person sees of a materialised partition: counts to plot, its reach in time, links."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import dagster as dg

from crypto_assets.market.clock import DAY_MS, MINUTE_MS, Window, from_ms
from crypto_assets.pipeline.outcome import BookStage, DayOutcome, Stage
from crypto_assets.settings import settings

# The asset's own interval, and the days up to the partition's end that a chart of it shows.
_CHARTS: dict[Stage | BookStage, tuple[str, int]] = {
    Stage.HOURS: ("1h", 30),
    Stage.DAYS: ("1d", 365),
}
_MINUTE_CHART = ("1m", 1)
_RUNBOOK = "docs/operations.md"


def partition_metadata(days: Sequence[DayOutcome]) -> dict[str, Any]:
    """Of one key of one asset: `days` are its days. Numbers are plotted by Dagster over time."""
    stage, symbol = days[0].stage, days[0].symbol
    found: dict[str, Any] = {
        "dagster/partition_row_count": sum(day.rows for day in days),
        **_reach(days),
        "chart": chart_link(stage, symbol, Window.of_days(days[0].day, days[-1].day)),
    }
    for name in dict.fromkeys(name for day in days for name in day.facts):
        found |= _fact(name, [day for day in days if name in day.facts])
    return found


def chart_link(stage: Stage | BookStage, symbol: str, window: Window) -> dg.UrlMetadataValue:
    """The app's page Analytics, zoomed to the partition, or to what led to it."""
    interval, days = _CHARTS.get(stage, _MINUTE_CHART)
    start = min(window.start_ms, window.end_ms - days * DAY_MS)
    view = f"{start // 1000}-{window.end_ms // 1000}"
    query = urlencode({"symbol": symbol, "interval": interval, "view": view})
    return dg.MetadataValue.url(f"{settings().app_link_url.rstrip('/')}/analytics?{query}")


def runbook_link(section: str = "") -> dg.UrlMetadataValue | dg.PathMetadataValue:
    """A section of docs/operations.md: its address where the settings have one, else the file."""
    anchor = f"#{section}" if section else ""
    if url := settings().runbook_url:
        return dg.MetadataValue.url(f"{url}{anchor}")
    return dg.MetadataValue.path(f"{_RUNBOOK}{anchor}")


def _fact(name: str, days: Sequence[DayOutcome]) -> dict[str, Any]:
    """Counts are summed over a month's days, keys of the lake are joined, notes kept by day."""
    values = [day.facts[name] for day in days]
    if name == "keys":
        keys = [str(key) for value in values if isinstance(value, list) for key in value]
        return {**_object_link(keys), **({"lake_objects": keys} if len(keys) > 1 else {})}
    if all(isinstance(value, int) for value in values):
        return {name: sum(value for value in values if isinstance(value, int))}
    if len(days) == 1:
        return {name: str(values[0])}
    return {name: {str(day.day): str(day.facts[name]) for day in days}}


def _object_link(keys: Sequence[str]) -> dict[str, Any]:
    """Where the newest object lies: an address of the store, or a file."""
    if not keys:
        return {}
    return {"lake_object": dg.MetadataValue.path(f"{settings().lake_raw_url}/{keys[-1]}")}


def _reach(days: Sequence[DayOutcome]) -> dict[str, Any]:
    reaches = [day.reach for day in days if day.reach]
    if not reaches:
        return {}
    first, last = min(first for first, _ in reaches), max(last for _, last in reaches)
    return {
        "first_candle": dg.MetadataValue.timestamp(from_ms(first)),
        "last_candle": dg.MetadataValue.timestamp(from_ms(last)),
        "span_minutes": (last - first) // MINUTE_MS,
    }

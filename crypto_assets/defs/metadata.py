"""Metadata of materializations: counts, time range, and links to chart and runbook.

Dagster plots numeric metadata over time, so a key means the same in every run. Numbers describe the
whole partition, except for those of `DayOutcome.details`, which describe the run.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

import dagster as dg

from crypto_assets.defs.markets import MarketSpec
from crypto_assets.installation import describe_document
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window, from_epoch_ms
from crypto_assets.pipeline.stages.results import DayOutcome, KlinesStage, OrderBookStage
from crypto_assets.settings import BRANCH_URL, get_settings

# The asset's interval, and the number of days before the partition's end that its chart shows.
_CHART_VIEWS: dict[KlinesStage | OrderBookStage, tuple[Interval, int]] = {
    KlinesStage.HOURS: (Interval.H1, 30),
    KlinesStage.DAYS: (Interval.D1, 365),
}
_MINUTE_CHART = (Interval.M1, 1)
_RUNBOOK = "docs/operations.md"
_AWS_CONSOLE = "https://console.aws.amazon.com/s3/object"


def partition_metadata(market: MarketSpec, days: Sequence[DayOutcome]) -> dict[str, Any]:
    """Build the metadata of one partition of one asset from the days that the run processed."""
    # Every outcome has the totals of the whole partition.
    any_day = days[0]
    key = dg.MultiPartitionKey(
        {"date": market.partitions.date_key(any_day.day), "symbol": any_day.symbol}
    )
    window = market.partitions.partition_window(key)
    one_day = window == Window.of_day(any_day.day)
    metadata: dict[str, Any] = {
        **({} if any_day.rows is None else {"dagster/partition_row_count": any_day.rows}),
        **({} if any_day.missing_minutes is None else {"missing": any_day.missing_minutes}),
        **_build_candle_range(any_day),
        **chart_link(market, any_day.stage, any_day.symbol, window),
    }
    for name in dict.fromkeys(name for day in days for name in day.details):
        named = [day for day in days if name in day.details]
        metadata |= _summarize_detail(market, name, named, one_day)
    return metadata


def chart_link(
    market: MarketSpec, stage: KlinesStage | OrderBookStage, symbol: str, window: Window
) -> dict[str, dg.UrlMetadataValue]:
    """Link to the page Analytics, zoomed to the partition or to the time before its end.

    Empty for a market that the app does not show.
    """
    if not market.is_default:
        return {}
    interval, days = _CHART_VIEWS.get(stage, _MINUTE_CHART)
    start = min(window.start_ms, window.end_ms - days * DAY_MS)
    view = f"{start // 1000}-{window.end_ms // 1000}"
    query = urlencode({"symbol": symbol, "interval": interval, "view": view})
    return {"chart": dg.MetadataValue.url(f"{market.settings.app_link_url}/analytics?{query}")}


def runbook_link(section: str = "") -> dg.UrlMetadataValue | dg.PathMetadataValue:
    """Link to a section of docs/operations.md.

    A URL if CRYPTO_RUNBOOK_URL is set, or CRYPTO_SOURCE_URL, whose page of the file it is; else a
    path.
    """
    anchor = f"#{section}" if section else ""
    settings = get_settings()
    if url := settings.runbook_url or _find_page_of_source(settings.source_url):
        return dg.MetadataValue.url(f"{url}{anchor}")
    return dg.MetadataValue.path(f"{describe_document(_RUNBOOK)}{anchor}")


def _find_page_of_source(source_url: str) -> str:
    """Return the page of the runbook in a repository on GitHub or GitLab; "" without one."""
    branch = BRANCH_URL.fullmatch(source_url)
    if not branch:
        return ""
    separator = branch["gitlab"] or ""
    return f"{branch['repository']}{separator}/blob/{branch['branch']}/{_RUNBOOK}"


def _summarize_detail(
    market: MarketSpec, name: str, days: Sequence[DayOutcome], one_day: bool
) -> dict[str, Any]:
    """Summarize one detail of a partition's days: add counts, join lake keys, list texts by day."""
    values = [day.details[name] for day in days]
    if name == "keys":
        keys = [str(key) for value in values if isinstance(value, list) for key in value]
        return {**_object_link(market, keys), **({"lake_objects": keys} if len(keys) > 1 else {})}
    if all(isinstance(value, int) for value in values):
        return {name: sum(value for value in values if isinstance(value, int))}
    if one_day:
        return {name: str(values[0])}
    return {name: {str(day.day): str(day.details[name]) for day in days}}


def _object_link(market: MarketSpec, keys: Sequence[str]) -> dict[str, Any]:
    """Build the location of the newest object in the lake, and its page in the console of AWS.

    Other lakes have no page: a browser cannot open a local file, or sign a request.
    """
    if not keys:
        return {}
    settings = market.settings
    path = f"{settings.lake_raw_url}/{keys[-1]}"
    found: dict[str, Any] = {"lake_object": dg.MetadataValue.path(path)}
    if path.startswith("s3://") and not settings.s3_endpoint_url:
        bucket, _, key = path.removeprefix("s3://").partition("/")
        query = urlencode({"prefix": key})
        found["lake_page"] = dg.MetadataValue.url(f"{_AWS_CONSOLE}/{quote(bucket)}?{query}")
    return found


def _build_candle_range(outcome: DayOutcome) -> dict[str, Any]:
    """Build the first and last candle and the minutes they span: 1440 for a whole day."""
    if outcome.time_range is None:
        return {}
    first, last = outcome.time_range
    interval, _ = _CHART_VIEWS.get(outcome.stage, _MINUTE_CHART)
    return {
        "first_candle": dg.MetadataValue.timestamp(from_epoch_ms(first)),
        "last_candle": dg.MetadataValue.timestamp(from_epoch_ms(last)),
        "span_minutes": (last + interval.ms - first) // MINUTE_MS,
    }

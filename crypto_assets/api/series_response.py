"""Responses with series: rows of candles or indicators, gaps, and links to further pages."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pandas as pd
import pyarrow.compute as pc
from fastapi import Request, Response

from crypto_assets.api.parameters import SeriesQuery
from crypto_assets.market.candles import CANDLE_COLUMNS, DECIMAL_COLUMNS, format_decimals
from crypto_assets.market.utc_time import format_utc
from crypto_assets.reports import CandleSeries

JsonRows = list[dict[str, Any]]

# A range in the past changes only if a candle is revised.
_PAST_MAX_AGE = "max-age=60"


def build_kline_rows(series: CandleSeries) -> JsonRows:
    """Build rows of the eleven columns, with decimals as text."""
    columns = {
        name: format_decimals(series.table[name]) if name in DECIMAL_COLUMNS else series.table[name]
        for name in CANDLE_COLUMNS
        if name != "open_time"
    }
    return _build_json_rows(series, {name: column.to_pylist() for name, column in columns.items()})


def build_indicator_rows(series: CandleSeries, values: pd.DataFrame) -> JsonRows:
    """Build rows of a provider's columns as numbers; NaN becomes null in JSON."""
    return _build_json_rows(series, {str(name): column.tolist() for name, column in values.items()})


def build_series_response(
    request: Request,
    query: SeriesQuery,
    series: CandleSeries,
    params: Mapping[str, object],
    data: object,
    *,
    depends_on_range: bool = True,
) -> Response:
    """Build a response of `data` with the gaps of the candles and links to further candles.

    Data that does not depend on the requested range gets no links and no cache lifetime.
    """
    content = {
        "symbol": series.symbol,
        "interval": series.interval,
        "params": params,
        "data": data,
        "gaps": [
            {"start": gap.window.start_ms, "end": gap.window.end_ms, "class": gap.gap_class}
            for gap in series.gaps
        ],
    }
    headers = {}
    if depends_on_range and query.end is not None and query.end <= series.known_until:
        headers["Cache-Control"] = _PAST_MAX_AGE
    if depends_on_range and (link := _build_series_link(request, query, series)):
        headers["Link"] = link
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type="application/json", headers=headers)


def build_page_link(request: Request, relation: str, **changes: int) -> str:
    """Build a Link header to the same request with some parameters changed."""
    unchanged = [item for item in request.query_params.multi_items() if item[0] not in changes]
    query = [*unchanged, *changes.items()]
    return f'<{quote(request.url.path)}?{urlencode(query)}>; rel="{relation}"'


def _build_series_link(request: Request, query: SeriesQuery, series: CandleSeries) -> str | None:
    """Link to the next candles of a range with both ends, or to those before the newest ones."""
    if not series.has_more:
        return None
    opened = series.table["open_time"]
    if query.start is not None and query.end is not None:
        return build_page_link(request, "next", start=opened[-1].as_py() + 1)
    if query.start is None:
        return build_page_link(request, "prev", end=opened[0].as_py())
    return None


def _build_json_rows(series: CandleSeries, columns: Mapping[str, Sequence[Any]]) -> JsonRows:
    opened = series.table["open_time"].to_pylist()
    forming = pc.greater_equal(series.table["close_time"], series.known_until).to_pylist()
    partial = [time in series.partial for time in opened]
    shared = {"open_time": opened, "time": map(format_utc, opened)}
    specific = {name: column for name, column in columns.items() if name not in shared}
    flags = {"forming": forming, "partial": partial}
    row_columns = {**shared, **specific, **flags}
    rows = zip(*row_columns.values(), strict=True)
    return [dict(zip(row_columns, row, strict=True)) for row in rows]

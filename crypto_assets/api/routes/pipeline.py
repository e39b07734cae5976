"""Status, ingestion log, deduplication, storage, gaps and quality."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query, Request, Response

from crypto_assets.api.dependencies import ReportsDep
from crypto_assets.api.http_caching import ForbidCaching
from crypto_assets.api.parameters import (
    AfterQuery,
    EndQuery,
    LimitQuery,
    OffsetQuery,
    StartQuery,
    SymbolQuery,
    parse_window,
)
from crypto_assets.api.routes.router import create_api_router
from crypto_assets.api.series_response import build_page_link
from crypto_assets.api.views.base import Answer
from crypto_assets.api.views.pipeline import (
    DeduplicationView,
    LakeObjectView,
    LedgerGapView,
    QualityView,
    StatusView,
    StorageView,
    SymbolDeduplicationView,
)
from crypto_assets.market.lake_object import LakeObject

router = create_api_router("pipeline")


@router.get("/pipeline/status", dependencies=[ForbidCaching])
def read_status(reports: ReportsDep) -> Answer[StatusView]:
    """Return first and last candle, rows, coverage, open gaps and lag per symbol, and storage."""
    return Answer(data=StatusView.model_validate(reports.get_status()))


@router.get("/pipeline/ingestion-log")
def read_ingestion_log(
    request: Request,
    response: Response,
    reports: ReportsDep,
    limit: LimitQuery = 100,
    offset: OffsetQuery = 0,
    end: EndQuery = None,
) -> Answer[list[LakeObjectView]]:
    """List objects of the lake, newest fetch first; with `end`, those fetched before it."""
    objects = reports.list_ingestion_log(limit, offset, end)
    if len(objects) == limit:
        response.headers["Link"] = build_page_link(
            request, "next", **_next_page_parameters(objects, offset, end)
        )
    return Answer(data=[LakeObjectView.model_validate(item) for item in objects])


def _next_page_parameters(
    objects: Sequence[LakeObject], offset: int, end: int | None
) -> dict[str, int]:
    """Continue at the fetch time of the last object, after the objects returned for that time.

    An offset from the newest object would return objects twice if new ones arrive between pages.
    """
    last = objects[-1].fetched_at
    returned = sum(item.fetched_at == last for item in objects)
    if returned < len(objects):
        return {"end": last + 1, "offset": returned}
    if offset and end != last + 1:  # the fetch times of the skipped objects are unknown
        return {"offset": offset + returned}
    return {"end": last + 1, "offset": offset + returned}


@router.get("/pipeline/deduplication")
def read_deduplication(
    reports: ReportsDep,
    days: Annotated[int, Query(ge=1, le=31, description="Number of UTC days, today included.")] = 7,
) -> Answer[DeduplicationView]:
    """Return how often minutes were delivered more than once, by the objects still in the lake."""
    report = reports.get_deduplication(days)
    return Answer(
        data=DeduplicationView(
            start=report.window.start_ms,
            end=report.window.end_ms,
            delivered=report.delivered,
            repeated=report.repeated,
            symbols=tuple(SymbolDeduplicationView.model_validate(item) for item in report.symbols),
        )
    )


@router.get("/pipeline/storage")
def read_storage(reports: ReportsDep) -> Answer[StorageView]:
    """Return objects and bytes in the lake, and bytes in the warehouse."""
    return Answer(data=StorageView.model_validate(reports.get_storage_usage()))


@router.get("/pipeline/gaps")
def read_gaps(
    request: Request,
    response: Response,
    reports: ReportsDep,
    symbol: SymbolQuery = None,
    start: StartQuery = None,
    end: EndQuery = None,
    closed: Annotated[bool, Query(description="Include gaps that have been filled since.")] = False,
    after: AfterQuery = None,
    limit: LimitQuery = 500,
) -> Answer[list[LedgerGapView]]:
    """List gaps by symbol and start. For one symbol, the Link header points to more."""
    gaps = reports.list_gaps(
        symbol, parse_window(start, end), closed=closed, after=after, limit=limit + 1
    )
    shown = gaps[:limit]
    if symbol and len(gaps) > limit:
        response.headers["Link"] = build_page_link(request, "next", after=shown[-1].start)
    return Answer(data=[LedgerGapView.model_validate(gap) for gap in shown])


@router.get("/pipeline/quality", dependencies=[ForbidCaching])
def read_quality(reports: ReportsDep, limit: LimitQuery = 100) -> Answer[QualityView]:
    """Return coverage per symbol, and the latest revisions, quarantined records and conflicts."""
    return Answer(data=QualityView.model_validate(reports.get_quality(limit)))

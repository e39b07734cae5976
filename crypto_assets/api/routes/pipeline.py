"""What the pipeline has done: status, the ingestion log, repeats, storage, gaps and quality."""

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
    """Per symbol: first and last candle, rows, coverage, open gaps, lag; and what it all takes."""
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
    """Objects of the lake, newest fetch first; with `end`, those fetched before it."""
    found = reports.list_ingestion_log(limit, offset, end)
    if len(found) == limit:
        response.headers["Link"] = build_page_link(
            request, "next", **_next_page_parameters(found, offset, end)
        )
    return Answer(data=[LakeObjectView.model_validate(item) for item in found])


def _next_page_parameters(
    found: Sequence[LakeObject], passed: int, end: int | None
) -> dict[str, int]:
    """From the last one's fetch on, past what has been told of that instant.

    A count from the newest on would tell objects twice when others come meanwhile.
    """
    last = found[-1].fetched_at
    told = sum(item.fetched_at == last for item in found)
    if told < len(found):
        return {"end": last + 1, "offset": told}
    if passed and end != last + 1:  # it is not known of which instants they were
        return {"offset": passed + told}
    return {"end": last + 1, "offset": passed + told}


@router.get("/pipeline/deduplication")
def read_deduplication(
    reports: ReportsDep,
    days: Annotated[int, Query(ge=1, le=31, description="UTC days, today included.")] = 7,
) -> Answer[DeduplicationView]:
    """How often minutes were delivered more than once, as far as the lake still has the objects."""
    found = reports.get_deduplication(days)
    return Answer(
        data=DeduplicationView(
            start=found.window.start_ms,
            end=found.window.end_ms,
            delivered=found.delivered,
            repeated=found.repeated,
            symbols=tuple(SymbolDeduplicationView.model_validate(one) for one in found.symbols),
        )
    )


@router.get("/pipeline/storage")
def read_storage(reports: ReportsDep) -> Answer[StorageView]:
    """Objects and bytes in the lake, bytes in the warehouse."""
    return Answer(data=StorageView.model_validate(reports.get_storage_usage()))


@router.get("/pipeline/gaps")
def read_gaps(
    request: Request,
    response: Response,
    reports: ReportsDep,
    symbol: SymbolQuery = None,
    start: StartQuery = None,
    end: EndQuery = None,
    closed: Annotated[bool, Query(description="Those too for which candles have come.")] = False,
    after: AfterQuery = None,
    limit: LimitQuery = 500,
) -> Answer[list[LedgerGapView]]:
    """The gap ledger by symbol and start; of one symbol, more of it by the Link header."""
    found = reports.list_gaps(
        symbol, parse_window(start, end), closed=closed, after=after, limit=limit + 1
    )
    shown = found[:limit]
    if symbol and len(found) > limit:
        response.headers["Link"] = build_page_link(request, "next", after=shown[-1].start)
    return Answer(data=[LedgerGapView.model_validate(gap) for gap in shown])


@router.get("/pipeline/quality", dependencies=[ForbidCaching])
def read_quality(reports: ReportsDep, limit: LimitQuery = 100) -> Answer[QualityView]:
    """Coverage of each symbol, what a later fetch changed, and what was set aside and why."""
    return Answer(data=QualityView.model_validate(reports.get_quality(limit)))

"""Candles, 24-hour statistics, the order book and the dashboard."""

from typing import Annotated

from fastapi import Query, Request, Response

from crypto_assets.api.dependencies import ReportsDep
from crypto_assets.api.http_caching import ForbidCaching
from crypto_assets.api.parameters import SeriesQuery, SymbolPath
from crypto_assets.api.routes.router import create_api_router
from crypto_assets.api.series_response import build_kline_rows, build_series_response
from crypto_assets.api.views.base import Answer
from crypto_assets.api.views.markets import DashboardView, OrderBookView, StatisticsView
from crypto_assets.api.views.series import KlineRow, Series

router = create_api_router("markets")


@router.get("/klines/{symbol}", response_model=Series[KlineRow])
def read_klines(
    request: Request,
    symbol: SymbolPath,
    query: Annotated[SeriesQuery, Query()],
    reports: ReportsDep,
) -> Response:
    """Return stored candles; without `end` the newest. The Link header points to more."""
    series = reports.get_candles(symbol, query.interval, query.start, query.end, query.limit)
    return build_series_response(request, query, series, {}, build_kline_rows(series))


@router.get("/stats/{symbol}")
def read_statistics(symbol: SymbolPath, reports: ReportsDep) -> Answer[StatisticsView | None]:
    """Return the 24 hours up to the newest stored minute; null if none is stored."""
    statistics = reports.get_statistics_24h(symbol)
    return Answer(data=None if statistics is None else StatisticsView.model_validate(statistics))


@router.get("/order-book/{symbol}")
def read_order_book(
    symbol: SymbolPath,
    reports: ReportsDep,
    levels: Annotated[
        int, Query(ge=1, le=5000, description="Number of levels per side, best first.")
    ] = 20,
) -> Answer[OrderBookView | None]:
    """Return the newest stored snapshot; null if there is none."""
    book = reports.get_latest_order_book(symbol)
    return Answer(
        data=None if book is None else OrderBookView.from_order_book(symbol, book, levels)
    )


@router.get("/dashboard", dependencies=[ForbidCaching])
def read_dashboard(reports: ReportsDep) -> Answer[DashboardView]:
    """Return a tile per symbol, totals, and symbols that need attention."""
    return Answer(data=DashboardView.model_validate(reports.get_dashboard()))

"""Candles, 24-hour figures, the order book and the dashboard."""

from typing import Annotated

from fastapi import Query, Request, Response

from crypto_assets.api.dependencies import ReportsDep
from crypto_assets.api.http_caching import OfThisInstant
from crypto_assets.api.parameters import SeriesQuery, Symbol
from crypto_assets.api.routes.router import api_router
from crypto_assets.api.series_response import answer_series, kline_rows
from crypto_assets.api.views.base import Answer
from crypto_assets.api.views.markets import DashboardView, OrderBookView, StatisticsView
from crypto_assets.api.views.series import KlineRow, Series

router = api_router("markets")


@router.get("/klines/{symbol}", response_model=Series[KlineRow])
def read_klines(
    request: Request, symbol: Symbol, query: Annotated[SeriesQuery, Query()], reports: ReportsDep
) -> Response:
    """Candles, existing ones only; without an end the newest. More of them by the Link header."""
    series = reports.candles(symbol, query.interval, query.start, query.end, query.limit)
    return answer_series(request, query, series, {}, kline_rows(series))


@router.get("/stats/{symbol}")
def read_statistics(symbol: Symbol, reports: ReportsDep) -> Answer[StatisticsView | None]:
    """The 24 hours up to the newest minute, by time; null where nothing is held."""
    found = reports.statistics_24h(symbol)
    return Answer(data=None if found is None else StatisticsView.model_validate(found))


@router.get("/order-book/{symbol}")
def read_order_book(
    symbol: Symbol,
    reports: ReportsDep,
    levels: Annotated[int, Query(ge=1, le=5000, description="Of each side, best first.")] = 20,
) -> Answer[OrderBookView | None]:
    """The newest stored snapshot; null where there is none."""
    book = reports.order_book(symbol)
    return Answer(data=None if book is None else OrderBookView.of(symbol, book, levels))


@router.get("/dashboard", dependencies=[OfThisInstant])
def read_dashboard(reports: ReportsDep) -> Answer[DashboardView]:
    """A tile a symbol, totals, and what needs a person's attention."""
    return Answer(data=DashboardView.model_validate(reports.dashboard()))

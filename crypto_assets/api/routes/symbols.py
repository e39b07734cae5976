"""Symbols: list, track and untrack."""

from fastapi import Response
from pydantic import BaseModel, Field

from crypto_assets.api.access import AuthorDep, RequireWriteAccess
from crypto_assets.api.dependencies import ContextDep, ReportsDep
from crypto_assets.api.parameters import SymbolPath
from crypto_assets.api.routes.router import (
    WRITE_ERROR_RESPONSES,
    WRITE_ROUTE_OPTIONS,
    create_api_router,
)
from crypto_assets.api.views.base import Answer
from crypto_assets.api.views.markets import InstrumentView
from crypto_assets.market.symbols import TYPED_SYMBOL_PATTERN
from crypto_assets.pipeline.control import admin

router = create_api_router("symbols")


class SymbolWish(BaseModel):
    symbol: str = Field(
        pattern=TYPED_SYMBOL_PATTERN, description="Symbol, such as BTCUSDT.", examples=["BTCUSDT"]
    )


class Tracked(BaseModel):
    symbol: str
    tracked: bool


@router.get("/symbols")
def read_symbols(reports: ReportsDep) -> Answer[list[InstrumentView]]:
    """List tracked symbols, oldest registration first."""
    return Answer(data=[InstrumentView.model_validate(item) for item in reports.list_instruments()])


@router.post(
    "/symbols",
    status_code=201,
    dependencies=[RequireWriteAccess],
    responses={
        200: {"model": Answer[Tracked], "description": "The symbol was already tracked."},
        **WRITE_ERROR_RESPONSES,
    },
)
def track_symbol(
    body: SymbolWish, context: ContextDep, author: AuthorDep, response: Response
) -> Answer[Tracked]:
    """Track a symbol that the exchange lists. To load its history, start a backfill."""
    if not admin.track_symbols(context.pipeline, [body.symbol], author):
        response.status_code = 200
    name = context.pipeline.warehouse.symbols.resolve_name(body.symbol)
    return Answer(data=Tracked(symbol=name, tracked=True))


# The route name is part of the operation id.
@router.delete(
    "/symbols/{symbol}", name="retire_symbol", summary="Untrack a symbol", **WRITE_ROUTE_OPTIONS
)
def delete_symbol(symbol: SymbolPath, context: ContextDep, author: AuthorDep) -> Answer[Tracked]:
    """Stop tracking a symbol. Its stored data is kept."""
    name = context.pipeline.warehouse.symbols.resolve_name(symbol)
    admin.untrack_symbol(context.pipeline, name, author)
    return Answer(data=Tracked(symbol=name, tracked=False))

"""Symbols: which are tracked, another one, one fewer."""

from fastapi import Response
from pydantic import BaseModel, Field

from crypto_assets.api.access import RequireWriteAccess
from crypto_assets.api.dependencies import ContextDep, ReportsDep
from crypto_assets.api.parameters import SymbolPath
from crypto_assets.api.routes.router import (
    API_ACTOR,
    WRITE_ERROR_RESPONSES,
    WRITE_ROUTE_OPTIONS,
    create_api_router,
)
from crypto_assets.api.views.base import Answer
from crypto_assets.api.views.markets import InstrumentView
from crypto_assets.market.symbols import TYPED_SYMBOL_PATTERN
from crypto_assets.pipeline.control import admin
from crypto_assets.reports import Instrument

router = create_api_router("symbols")


class SymbolWish(BaseModel):
    symbol: str = Field(
        pattern=TYPED_SYMBOL_PATTERN, description="As BTCUSDT.", examples=["BTCUSDT"]
    )


class Tracked(BaseModel):
    symbol: str
    tracked: bool


@router.get("/symbols")
def read_symbols(reports: ReportsDep) -> Answer[list[InstrumentView]]:
    """Tracked symbols, oldest registration first."""
    return Answer(
        data=[_build_instrument_view(instrument) for instrument in reports.list_instruments()]
    )


@router.post(
    "/symbols",
    status_code=201,
    dependencies=[RequireWriteAccess],
    responses={
        200: {"model": Answer[Tracked], "description": "Tracked before."},
        **WRITE_ERROR_RESPONSES,
    },
)
def track_symbol(wish: SymbolWish, parts: ContextDep, response: Response) -> Answer[Tracked]:
    """Track a symbol that the exchange lists; its history follows by a backfill of its own."""
    if not admin.track_symbols(parts.platform, [wish.symbol], API_ACTOR):
        response.status_code = 200
    name = parts.platform.warehouse.symbols.resolve_name(wish.symbol)
    return Answer(data=Tracked(symbol=name, tracked=True))


@router.delete("/symbols/{symbol}", **WRITE_ROUTE_OPTIONS)
def retire_symbol(symbol: SymbolPath, parts: ContextDep) -> Answer[Tracked]:
    """Track a symbol no longer. What is held of it stays."""
    name = parts.platform.warehouse.symbols.resolve_name(symbol)
    admin.untrack_symbol(parts.platform, name, API_ACTOR)
    return Answer(data=Tracked(symbol=name, tracked=False))


def _build_instrument_view(instrument: Instrument) -> InstrumentView:
    return InstrumentView.model_validate(instrument)

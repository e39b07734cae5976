"""Initializes warehouse and lakes, and checks before each run that they fit the exchange."""

from collections.abc import Sequence
from datetime import date

from crypto_assets.errors import ObjectMissing, WarehouseNotReady
from crypto_assets.market.symbols import parse_symbol
from crypto_assets.market.utc_time import now_ms
from crypto_assets.pipeline.context import PipelineContext


def initialize_stores(context: PipelineContext, symbols: Sequence[str], start: date) -> list[str]:
    """Create or migrate warehouse and lakes, and register symbols; return the new ones.

    Idempotent, and safe when two processes start at once. Raises UnknownSymbol before any symbol
    is registered, ForeignExchange where warehouse or lake belong to another exchange.
    """
    context.warehouse.migrate_schema()
    for lake in (context.raw_lake, context.archive_lake):
        lake.create_storage()
        lake.check_writable()
    _claim_stores(context)
    context.warehouse.app_settings.claim_partition_unit(context.partition_unit)
    context.warehouse.app_settings.claim_start_date(start)
    context.warehouse.totals.record_snapshot(now_ms())
    return register_symbols(context, symbols)


def register_symbols(context: PipelineContext, symbols: Sequence[str]) -> list[str]:
    """Register symbols, and return those that were not tracked before.

    `symbols` are as people type them; they are registered as the exchange writes them. Raises
    UnknownSymbol for one that the exchange does not list.
    """
    tracked = {symbol.name for symbol in context.warehouse.symbols.list_tracked()}
    wanted = [name for text in symbols if (name := parse_symbol(text, tracked)) not in tracked]
    if not wanted:
        return []
    listed = context.exchange.rest.fetch_exchange_info(wanted).symbols
    return context.warehouse.symbols.register_symbols(list(listed.values()))


def claim_warehouse_for_market(context: PipelineContext, name: str) -> None:
    """Bind the warehouse to a further market, after creating its schema if it has none.

    Two markets with one warehouse would untrack each other's symbols. Raises WrongUse for the
    warehouse of another market or of a home, however its address is written.
    """
    try:
        context.warehouse.require_ready()
    except WarehouseNotReady:
        context.warehouse.migrate_schema()
    context.warehouse.app_settings.claim_market(name)


def follow_symbols(context: PipelineContext, symbols: Sequence[str], start: date) -> None:
    """Track exactly these symbols, in stores that are initialized before the first one.

    Untracked symbols keep their data. In stores of another exchange, no symbol changes. Raises as
    `initialize_stores`.
    """
    try:
        context.warehouse.require_ready()
        tracked = {symbol.name for symbol in context.warehouse.symbols.list_tracked()}
    except WarehouseNotReady:
        tracked = set()
    wanted = {parse_symbol(text, tracked) for text in symbols}
    if tracked == wanted:
        context.warehouse.app_settings.claim_start_date(start)
        return
    # Also after an interrupted initialization, which registers the symbols last.
    initialize_stores(context, symbols, start)
    for name in tracked - wanted:
        context.warehouse.symbols.untrack_symbol(name)


def require_stores_ready(context: PipelineContext) -> None:
    """Raise unless warehouse and lakes exist and fit this exchange and partition unit."""
    context.warehouse.require_ready()
    _claim_stores(context)
    context.warehouse.app_settings.claim_partition_unit(context.partition_unit)


def claim_warehouse_for_lake(context: PipelineContext) -> None:
    """Bind the warehouse to the exchange of the lake, without a request to the exchange.

    Raises ForeignExchange where warehouse and lakes belong to different exchanges.
    """
    context.warehouse.migrate_schema()
    owner = context.raw_lake.get_owner()
    if owner is None:
        raise ObjectMissing(
            f"the lake {context.raw_lake.url} is not initialized: run `crypto-assets init`"
        )
    context.archive_lake.claim_for_exchange(owner)
    context.warehouse.app_settings.claim_exchange(owner)


def _claim_stores(context: PipelineContext) -> None:
    """Bind warehouse and lakes to the exchange; rename one that they know by another name."""
    exchange, settings = context.exchange, context.warehouse.app_settings
    served = exchange.resolve_identity()
    owner = settings.get_exchange()
    known = exchange.continue_identity(owner, served)
    settings.claim_exchange(known or served, renaming=owner if known else None)
    for lake in (context.raw_lake, context.archive_lake):
        owner = lake.get_owner()
        known = exchange.continue_identity(owner, served)
        lake.claim_for_exchange(known or served, renaming=owner if known else None)

"""Initializes warehouse and lakes, and checks before each run that they fit the exchange."""

from collections.abc import Sequence
from datetime import date

from crypto_assets.errors import ObjectMissing, UnknownSymbol, WarehouseNotReady
from crypto_assets.lake import Lake
from crypto_assets.market.symbols import Symbol, parse_symbol
from crypto_assets.market.utc_time import MINUTE_MS, MINUTES_PER_HOUR, now_ms
from crypto_assets.pipeline.context import PipelineContext

# When the exchange did not list a symbol of a further market: epoch ms by symbol.
_UNLISTED = "state.unlisted_symbols"
_UNLISTED_MS = MINUTES_PER_HOUR * MINUTE_MS
# A few, since compaction may delete one of them in the meantime.
_NEWEST_OBJECTS = 5


def initialize_stores(context: PipelineContext, symbols: Sequence[str], start: date) -> list[str]:
    """Create or migrate warehouse and lakes, and register symbols; return the new ones.

    Idempotent, and safe when two processes start at once. Raises UnknownSymbol before any symbol
    is registered, ForeignExchange where warehouse or lake belong to another exchange.
    """
    _create_stores(context, start)
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


def follow_symbols(context: PipelineContext, symbols: Sequence[str], start: date) -> list[str]:
    """Track exactly these symbols of a further market, and return those that are not listed.

    The warehouse is bound to the market, and the stores are initialized before the first symbol.
    Untracked symbols keep their data. A symbol that the exchange does not list is requested again
    after an hour. In stores of another market or exchange, no symbol changes. Raises as
    `initialize_stores`, and WrongUse for stores of another market.
    """
    settings = context.warehouse.app_settings
    _claim_market(context)
    tracked = {symbol.name for symbol in context.warehouse.symbols.list_tracked()}
    wanted = {parse_symbol(text, tracked) for text in symbols}
    checked: dict[str, int] = settings.get_state(_UNLISTED) or {}
    unlisted = {name for name, at in checked.items() if now_ms() - at < _UNLISTED_MS} & wanted
    if tracked == wanted - unlisted:
        settings.claim_start_date(start)
        return sorted(unlisted)
    # Also after an interrupted initialization, which registers the symbols last.
    _create_stores(context, start)
    listed = _find_listed_symbols(context, sorted(wanted - tracked))
    context.warehouse.symbols.register_symbols(list(listed.values()))
    now_tracked = {symbol.name for symbol in context.warehouse.symbols.list_tracked()}
    wanted = {parse_symbol(text, now_tracked) for text in symbols}
    settings.put_state(_UNLISTED, dict.fromkeys(sorted(wanted - now_tracked), now_ms()))
    for name in now_tracked - wanted:
        context.warehouse.symbols.untrack_symbol(name)
    return sorted(wanted - now_tracked)


def require_stores_ready(context: PipelineContext) -> None:
    """Raise unless warehouse and lakes exist and fit this exchange, market and partition unit."""
    context.warehouse.require_ready()
    if context.market:
        context.warehouse.app_settings.claim_market(context.market)
    _claim_stores(context)
    context.warehouse.app_settings.claim_partition_unit(context.partition_unit)


def claim_warehouse_for_lake(context: PipelineContext) -> None:
    """Bind the warehouse to exchange and market of the lake, without a request to the exchange.

    Raises ForeignExchange where warehouse and lakes belong to different exchanges, WrongUse where
    they belong to different markets.
    """
    context.warehouse.migrate_schema()
    owner = context.raw_lake.get_marker()
    if owner is None:
        raise ObjectMissing(
            f"the lake {context.raw_lake.url} is not initialized: run `crypto-assets init`"
        )
    settings = context.warehouse.app_settings
    if owner.market:
        settings.claim_market(owner.market)
    for lake in (context.raw_lake, context.archive_lake):
        _claim_lake(context, lake, settings.get_market(), owner.exchange)
    settings.claim_exchange(owner.exchange)


def _create_stores(context: PipelineContext, start: date) -> None:
    """Create or migrate warehouse and lakes, and bind them to what the settings choose."""
    context.warehouse.migrate_schema()
    for lake in (context.raw_lake, context.archive_lake):
        lake.create_storage()
        lake.check_writable()
    _claim_stores(context)
    context.warehouse.app_settings.claim_partition_unit(context.partition_unit)
    context.warehouse.app_settings.claim_start_date(start)
    context.warehouse.totals.record_snapshot(now_ms())


def _find_listed_symbols(context: PipelineContext, names: Sequence[str]) -> dict[str, Symbol]:
    """Return those of the named symbols that the exchange lists."""
    if not names:
        return {}
    try:
        return dict(context.exchange.rest.fetch_exchange_info(names).symbols)
    except UnknownSymbol:
        listed = context.exchange.rest.fetch_exchange_info().symbols
        spelled = [parse_symbol(name, listed) for name in names]
        return {name: listed[name] for name in spelled if name in listed}


def _claim_market(context: PipelineContext) -> None:
    """Bind the warehouse to a further market, after creating its schema if it has none.

    Two markets with one warehouse would untrack each other's symbols. Raises WrongUse for the
    warehouse of another market, however its address is written.
    """
    try:
        context.warehouse.require_ready()
    except WarehouseNotReady:
        context.warehouse.migrate_schema()
    context.warehouse.app_settings.claim_market(context.market)


def _claim_stores(context: PipelineContext) -> None:
    """Bind warehouse and lakes to the exchange; rename one that they know by another name.

    The lakes are also bound to the market of the warehouse.
    """
    exchange, settings = context.exchange, context.warehouse.app_settings
    served = exchange.resolve_identity()
    owner = settings.get_exchange()
    known = exchange.continue_identity(owner, served)
    settings.claim_exchange(known or served, renaming=owner if known else None)
    market = settings.get_market()
    for lake in (context.raw_lake, context.archive_lake):
        owner = lake.get_owner()
        known = exchange.continue_identity(owner, served)
        _claim_lake(context, lake, market, known or served, renaming=owner if known else None)


def _claim_lake(
    context: PipelineContext, lake: Lake, market: str, identity: str, renaming: str | None = None
) -> None:
    lake.claim_for_exchange(
        identity,
        renaming,
        market=market,
        is_own=lambda: _contains_own_object(context, lake),
    )


def _contains_own_object(context: PipelineContext, lake: Lake) -> bool:
    """Return whether the lake is empty, or contains one of the objects that were recorded last.

    Earlier versions did not store the market of a lake. Two markets of one exchange have objects of
    the same keys, but do not fetch them in the same millisecond.
    """
    if next(lake.list_entries(), None) is None:
        return True
    for known in context.warehouse.lake_objects.list_newest(lake.bucket, _NEWEST_OBJECTS):
        stored = lake.get_info(known.key)
        if stored and stored.fetched_at == known.fetched_at:
            return True
    return False

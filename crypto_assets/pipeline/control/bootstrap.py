"""Making everything ready, and being sure before each run that it is the right exchange's."""

from collections.abc import Sequence
from datetime import date

from crypto_assets.errors import ObjectMissing
from crypto_assets.market.symbols import parse_symbol
from crypto_assets.market.utc_time import now_ms
from crypto_assets.pipeline.context import PipelineContext


def initialize_stores(platform: PipelineContext, symbols: Sequence[str], start: date) -> list[str]:
    """Create or migrate what is missing and register symbols; answers the newly added ones.

    Idempotent, safe when two start at once. Raises UnknownSymbol before anything is registered,
    ForeignExchange where warehouse or lake belong to another exchange.
    """
    platform.warehouse.migrate_schema()
    for lake in (platform.raw_lake, platform.archive_lake):
        lake.create_storage()
        lake.check_writable()
    _claim_stores(platform)
    platform.warehouse.app_settings.claim_partition_unit(platform.partition_unit)
    platform.warehouse.app_settings.claim_start_date(start)
    platform.warehouse.totals.record_snapshot(now_ms())
    return register_symbols(platform, symbols)


def register_symbols(platform: PipelineContext, symbols: Sequence[str]) -> list[str]:
    """Register symbols that the exchange knows; answers those that were not tracked before.

    `symbols` as people type them; they are registered as the exchange writes them.
    """
    tracked = {symbol.name for symbol in platform.warehouse.symbols.list_tracked()}
    wanted = [name for text in symbols if (name := parse_symbol(text, tracked)) not in tracked]
    if not wanted:
        return []
    found = platform.exchange.rest.fetch_exchange_info(wanted).symbols
    return platform.warehouse.symbols.register_symbols(list(found.values()))


def require_stores_ready(platform: PipelineContext) -> None:
    """Raises unless warehouse and lake are ready, belong to this exchange and are cut as here."""
    platform.warehouse.require_ready()
    _claim_stores(platform)
    platform.warehouse.app_settings.claim_partition_unit(platform.partition_unit)


def claim_warehouse_for_lake(platform: PipelineContext) -> None:
    """Makes the warehouse ready for what the lake holds, without an exchange.

    Raises ForeignExchange where warehouse and lakes do not belong to the same one.
    """
    platform.warehouse.migrate_schema()
    owner = platform.raw_lake.get_owner()
    if owner is None:
        raise ObjectMissing(
            f"the lake {platform.raw_lake.url} is nobody's: run `crypto-assets init`"
        )
    platform.archive_lake.claim_for_exchange(owner)
    platform.warehouse.app_settings.claim_exchange(owner)


def _claim_stores(platform: PipelineContext) -> None:
    """Bind warehouse and lakes to the exchange, or rename in them an exchange that is the same."""
    exchange, settings = platform.exchange, platform.warehouse.app_settings
    served = exchange.resolve_identity()
    held = settings.get_exchange()
    known = exchange.continue_identity(held, served)
    settings.claim_exchange(known or served, renaming=held if known else None)
    for lake in (platform.raw_lake, platform.archive_lake):
        owner = lake.get_owner()
        known = exchange.continue_identity(owner, served)
        lake.claim_for_exchange(known or served, renaming=owner if known else None)

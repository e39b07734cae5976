"""Stores for backups: filled ones, empty ones, and what they contain."""

from pathlib import Path
from typing import Any

from crypto_assets.backup.create import create_backup
from crypto_assets.backup.repository import BackupRepository
from crypto_assets.backup.restore import (
    restore_backup,
)
from crypto_assets.exchange import open_exchange
from crypto_assets.lake import open_lake
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.order_books import capture_order_book, load_order_books
from crypto_assets.settings import Settings, get_settings
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine.table_parts import reflect_tables
from crypto_assets_tests.pipeline.conftest import TODAY, run_ingest
from crypto_assets_tests.services.exchange import ExchangeServer

SYMBOLS = ("BTCUSDT", "WAVESBTC")


def fill(context: PipelineContext) -> PipelineContext:
    run_ingest(context, *SYMBOLS)
    capture_order_book(context, "BTCUSDT")
    load_order_books(context, "BTCUSDT", Window.of_day(TODAY))
    capture_order_book(context, "WAVESBTC")
    context.warehouse.app_settings.put_value("lake_days", 90, "a person")
    context.warehouse.symbols.untrack_symbol("WAVESBTC")
    return context


def open_target(server: ExchangeServer, home: Path, warehouse_url: str = "") -> PipelineContext:
    """Empty stores, without a schema; the lakes have other names than those of the source."""
    home.mkdir(exist_ok=True)
    return PipelineContext(
        exchange=open_exchange(server.url, server.archive_url),
        raw_lake=open_lake(str(home / "raw-2")),
        archive_lake=open_lake(str(home / "archive-2")),
        warehouse=Warehouse(warehouse_url or f"sqlite:///{home / 'warehouse.db'}"),
        settle_ms=5_000,
        order_book_levels=20,
        default_ingest_minutes=1,
        default_order_book_minutes=5,
        partition_unit=get_settings().partition_unit,
    )


def is_exact(context: PipelineContext) -> bool:
    return context.warehouse.has_exact_decimals


def settings_of(context: PipelineContext) -> Settings:
    """Settings whose home is the folder of the lakes."""
    home = Path(context.raw_lake.url).parent
    return Settings(home=home, dagster_home=home / "dagster")


def repository_at(tmp_path: Path) -> BackupRepository:
    return BackupRepository(tmp_path / "backups")


def back_up(context: PipelineContext, tmp_path: Path) -> str:
    return create_backup(context, settings_of(context), repository_at(tmp_path)).name


def restore(context: PipelineContext, tmp_path: Path, name: str | None = None) -> None:
    restore_backup(context, settings_of(context), repository_at(tmp_path), name)


def read_tables(context: PipelineContext) -> dict[str, list[Any]]:
    """Every row of every table; lakes by their roles."""
    roles = {context.raw_lake.bucket: "raw", context.archive_lake.bucket: "archive"}
    database = context.warehouse._database
    with database.engine.connect() as connection:
        return {
            table.name: [
                tuple(roles.get(value, value) if isinstance(value, str) else value for value in row)
                for row in connection.execute(table.select().order_by(*table.primary_key.columns))
            ]
            for table in reflect_tables(connection)
        }


def read_lakes(context: PipelineContext) -> list[tuple[str, int, bytes]]:
    return [
        (info.key, info.fetched_at, body)
        for lake in (context.raw_lake, context.archive_lake)
        for entry in lake.list_entries()
        for info, body in [lake.get_with_info(entry.key)]
    ]

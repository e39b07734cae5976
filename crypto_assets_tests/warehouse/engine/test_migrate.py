"""The schema: created, upgraded, completed after a kill, and refused if it is newer."""

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, make_url

from crypto_assets.errors import WarehouseNotReady, WarehouseTooNew
from crypto_assets.market.chart_drawings import ChartDrawing, DrawingKind
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.symbols import Symbol, SymbolStatus
from crypto_assets.market.utc_time import Window
from crypto_assets.warehouse import ConflictKind, ExchangeConflict, Warehouse
from crypto_assets.warehouse.catalog.app_settings import Author
from crypto_assets.warehouse.engine import migrate
from crypto_assets.warehouse.engine.migrations.versions.v0006_wider_symbols import NAMES
from crypto_assets.warehouse.engine.schema import metadata
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.warehouse.minutes import START, SYMBOL, batch, minutes, track


@pytest.fixture(params=["sqlite", "mariadb"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "mariadb":
        return str(request.getfixturevalue("mariadb").fresh())
    return f"sqlite:///{tmp_path / 'home' / 'warehouse.db'}"


def _execute(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_an_empty_database_is_not_ready_until_migrated(empty_url: str) -> None:
    warehouse = Warehouse(empty_url)
    with pytest.raises(WarehouseNotReady, match="run `crypto-assets init`"):
        warehouse.require_ready()
    with pytest.raises(WarehouseNotReady, match="run `crypto-assets init`"):
        warehouse.symbols.list_tracked()
    warehouse.migrate_schema()
    warehouse.require_ready()
    track(warehouse)
    warehouse.migrate_schema()
    assert [s.name for s in warehouse.symbols.list_tracked()] == [SYMBOL]
    warehouse.close()


def test_reading_a_missing_file_does_not_create_it(tmp_path: Path) -> None:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(WarehouseNotReady, match="there is no warehouse at"):
        warehouse.require_ready()
    assert list(tmp_path.iterdir()) == []


def test_migrations_create_the_tables_of_the_schema_module(empty_url: str) -> None:
    warehouse = Warehouse(empty_url)
    warehouse.migrate_schema()
    engine = create_engine(empty_url)

    def is_ours(_object: Any, name: Any, *_: Any) -> bool:
        return bool(name != "alembic_version")

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": is_ours}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()
    warehouse.close()


def test_a_migration_killed_half_way_is_completed(mariadb: DatabaseServer) -> None:
    url = mariadb.fresh()
    with closing(Warehouse(url)) as warehouse:
        warehouse.migrate_schema()
    # The state after a kill: MySQL commits each statement, and the version is written last.
    _execute(
        url,
        "DROP TABLE symbols",
        "DROP INDEX ix_kline_gaps_retry ON kline_gaps",
        "DROP VIEW klines_1h",
        "DELETE FROM alembic_version",
    )
    warehouse = Warehouse(url)
    with pytest.raises(WarehouseNotReady):
        warehouse.require_ready()
    warehouse.migrate_schema()
    warehouse.require_ready()
    track(warehouse)
    _execute(url, "SELECT * FROM klines_1h", "DROP INDEX ix_kline_gaps_retry ON kline_gaps")
    warehouse.close()


def test_an_older_schema_is_refused_until_it_is_upgraded(empty_url: str) -> None:
    warehouse = Warehouse(empty_url)
    warehouse.migrate_schema()
    _execute(empty_url, "DROP TABLE totals", "UPDATE alembic_version SET version_num = '0001'")
    for call in (warehouse.require_ready, lambda: warehouse.totals.find_snapshot_day_ago(START)):
        with pytest.raises(WarehouseNotReady, match="run `crypto-assets init`"):
            call()
    warehouse.migrate_schema()
    warehouse.require_ready()
    assert warehouse.totals.find_snapshot_day_ago(START) is None
    warehouse.close()


def test_a_warehouse_of_version_0004_keeps_its_data(empty_url: str, tmp_path: Path) -> None:
    """Version 0004 has neither recorded conflicts nor the wider names of symbols."""
    if empty_url.startswith("sqlite"):
        (tmp_path / "home").mkdir()
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        config = migrate._alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        names = inspect(connection).get_table_names()
    engine.dispose()
    assert "exchange_conflicts" not in names
    _execute(
        empty_url,
        "INSERT INTO symbols VALUES (1, 'BTCUSDT', 'BTC', 'USDT', 'TRADING', 0.01, 0, NULL)",
        "INSERT INTO fact_klines VALUES"
        f" (1, {START}, 1, 2, 1, 2, 3.5, {START + 59_999}, 7, 1, 1, 2, {START + 90_000}, 'rest')",
    )
    warehouse = Warehouse(empty_url)
    with pytest.raises(WarehouseNotReady, match="run `crypto-assets init`"):
        warehouse.require_ready()
    warehouse.migrate_schema()
    warehouse.require_ready()
    stored = warehouse.facts.read_fetched_candles(SYMBOL, Window(START, START + 1)).to_pylist()
    assert [(row["volume"], row["source"]) for row in stored] == [(Decimal("3.5"), "rest")]
    conflict = ExchangeConflict(SYMBOL, Interval.H1, START, ConflictKind.RESOLVED, "volume: 1, 2")
    warehouse.exchange_conflicts.record_conflicts(SYMBOL, [conflict])
    assert [one.evidence for one in warehouse.exchange_conflicts.list_conflicts(SYMBOL)] == [
        conflict.evidence
    ]
    warehouse.close()


def test_an_upgraded_warehouse_stores_the_longest_symbols(empty_url: str) -> None:
    warehouse = Warehouse(empty_url)
    warehouse.migrate_schema()
    track(warehouse)
    warehouse.lake_objects.record_objects([batch(minutes(START, 3))[0]])
    narrow = [
        f"ALTER TABLE {table} MODIFY {column} VARCHAR(20) NOT NULL"
        for table, column in NAMES
        if not empty_url.startswith("sqlite")
    ]
    _execute(empty_url, *narrow, "UPDATE alembic_version SET version_num = '0005'")
    for _ in range(2):
        warehouse.migrate_schema()
        _execute(empty_url, "UPDATE alembic_version SET version_num = '0005'")  # as after a kill
    warehouse.migrate_schema()
    warehouse.require_ready()
    longest = Symbol(
        "龍" * 45 + "\U00020bb7USDT", "龍" * 50, "龍" * 50, SymbolStatus.TRADING, Decimal(1)
    )
    assert warehouse.symbols.register_symbols([longest]) == [longest.name]
    stored = warehouse.symbols.get_symbol(longest.name)
    assert (stored.name, stored.base, stored.quote) == (longest.name, longest.base, longest.quote)
    item = batch(minutes(START, 3), symbol=longest.name)[0]
    warehouse.lake_objects.record_objects([item])
    assert warehouse.lake_objects.find_object(item.bucket, item.key) == item
    record = QuarantineRecord(longest.name, ObjectKind.KLINES, item.bucket, item.key, "odd", "[1]")
    warehouse.quarantine.add_records([record])
    assert [one.symbol for one in warehouse.quarantine.list_records(longest.name)] == [longest.name]
    assert [s.name for s in warehouse.symbols.list_tracked()] == [SYMBOL, longest.name]
    warehouse.close()


def test_an_upgraded_change_log_keeps_its_entries_and_gets_addresses(empty_url: str) -> None:
    warehouse = Warehouse(empty_url)
    warehouse.migrate_schema()
    warehouse.app_settings.record_change("symbol BTCUSDT", None, "tracked", "anna")
    _execute(
        empty_url,
        "ALTER TABLE audit_log DROP COLUMN address",
        "UPDATE alembic_version SET version_num = '0006'",
    )
    with pytest.raises(WarehouseNotReady, match="run `crypto-assets init`"):
        warehouse.require_ready()
    for _ in range(2):
        warehouse.migrate_schema()
        _execute(empty_url, "UPDATE alembic_version SET version_num = '0006'")  # as after a kill
    warehouse.migrate_schema()
    warehouse.app_settings.record_change(
        "symbol ETHUSDT", None, "tracked", Author("bert", "2001:db8::1")
    )
    found = [(one.who, one.address, one.new) for one in warehouse.app_settings.list_changes()]
    assert found == [("bert", "2001:db8::1", "tracked"), ("anna", None, "tracked")]
    warehouse.close()


def test_an_upgraded_warehouse_has_drawings_and_keeps_its_layouts(empty_url: str) -> None:
    warehouse = Warehouse(empty_url)
    warehouse.migrate_schema()
    warehouse.app_settings.put_value("layout.Trend", {"kind": "layout"}, "anna")
    older = ("DROP TABLE chart_drawings", "UPDATE alembic_version SET version_num = '0008'")
    _execute(empty_url, *older)
    with pytest.raises(WarehouseNotReady, match="run `crypto-assets init`"):
        warehouse.require_ready()
    warehouse.migrate_schema()
    drawing = ChartDrawing("0f3a9c21", DrawingKind.HORIZONTAL, "#2962ff", ((START, 1.5),))
    warehouse.chart_drawings.save_drawings("龍" * 50, [drawing], "anna")
    _execute(empty_url, older[1])  # as after a kill
    warehouse.migrate_schema()
    warehouse.require_ready()
    assert warehouse.chart_drawings.list_all_drawings() == {"龍" * 50: [drawing]}
    assert warehouse.app_settings.get_value("layout.Trend") == {"kind": "layout"}
    warehouse.close()


def test_a_newer_schema_is_not_changed(empty_url: str) -> None:
    warehouse = Warehouse(empty_url)
    warehouse.migrate_schema()
    _execute(
        empty_url,
        "UPDATE alembic_version SET version_num = '9999'",
        "UPDATE app_settings SET value = '\"9999\"' WHERE name = 'state.oldest_program'",
    )
    for call in (warehouse.require_ready, warehouse.migrate_schema):
        with pytest.raises(WarehouseTooNew, match="the unknown version '9999'"):
            call()
    warehouse.close()


def test_a_program_continues_on_a_newer_schema_that_only_added_something(empty_url: str) -> None:
    warehouse = Warehouse(empty_url)
    warehouse.migrate_schema()
    _execute(
        empty_url,
        "UPDATE alembic_version SET version_num = '9999'",
        "CREATE TABLE added_later (id INTEGER)",
    )
    track(warehouse)
    warehouse.require_ready()
    warehouse.migrate_schema()
    assert warehouse.find_pending_versions() == []
    assert [symbol.name for symbol in warehouse.symbols.list_tracked()] == [SYMBOL]
    _execute(
        empty_url,
        "UPDATE app_settings SET value = '\"9998\"' WHERE name = 'state.oldest_program'",
    )
    with pytest.raises(WarehouseTooNew, match="9999"):
        warehouse.require_ready()
    warehouse.close()


def test_each_version_since_0008_says_which_programs_work_with_it() -> None:
    scripts = ScriptDirectory.from_config(migrate._alembic_config())
    oldest = [script.module.OLDEST_PROGRAM for script in scripts.iterate_revisions("head", "0007")]
    assert oldest == sorted(oldest, reverse=True), "a later version works with no older programs"


def test_pending_versions_are_listed_without_changing_anything(empty_url: str) -> None:
    warehouse = Warehouse(empty_url)
    pending = warehouse.find_pending_versions()
    assert pending[:2] == ["0001", "0002"]
    with pytest.raises(WarehouseNotReady):
        warehouse.require_ready()
    migrate.create_schema(warehouse._database, "0006")
    assert warehouse.find_pending_versions() == pending[6:]
    warehouse.migrate_schema()
    assert warehouse.find_pending_versions() == []
    warehouse.close()


def test_a_missing_database_is_created_if_the_user_has_the_right(mariadb: DatabaseServer) -> None:
    url = mariadb.fresh()
    name = make_url(url).database
    mariadb.execute(f"DROP DATABASE {name}")
    warehouse = Warehouse(url)
    warehouse.migrate_schema()
    warehouse.require_ready()
    warehouse.close()

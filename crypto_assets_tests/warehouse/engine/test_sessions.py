"""The sessions of the warehouse reset every server setting that changes results."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from crypto_assets.market.utc_time import DAY_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.services.mariadb import DatabaseServer, StartServer
from crypto_assets_tests.warehouse.minutes import START, SYMBOL, batch, minutes, track

ODD = {
    "sql_select_limit": "100",
    "max_join_size": "10",
    "sql_safe_updates": "1",
    "sql_mode": "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE'",
    "time_zone": "'+05:30'",
    "completion_type": "2",
    "autocommit": "1",
    "div_precision_increment": "0",
    "foreign_key_checks": "0",
    "unique_checks": "0",
    "big_tables": "1",
    "group_concat_max_len": "4",
    "character_set_client": "'latin1'",
    "character_set_connection": "'latin1'",
    "character_set_results": "'latin1'",
    "collation_connection": "'latin1_swedish_ci'",
}
# No statement of ours depends on these.
IRRELEVANT = {"big_tables", "group_concat_max_len"}
DAY = Window(START, START + DAY_MS)


@pytest.fixture(scope="module")
def plain(own_mariadb: StartServer) -> DatabaseServer:
    return own_mariadb()


@pytest.fixture(scope="module")
def odd(own_mariadb: StartServer) -> DatabaseServer:
    server = own_mariadb()
    server.execute(
        *(f"SET GLOBAL {name} = {value}" for name, value in ODD.items()),
        "SET GLOBAL TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    )
    return server


@pytest.fixture
def warehouse(odd: DatabaseServer) -> Iterator[Warehouse]:
    warehouse = Warehouse(odd.url("market"))
    warehouse.migrate_schema()
    track(warehouse)
    yield warehouse
    warehouse.close()


def settings_of(connection: Connection) -> dict[str, object]:
    """Read the settings of the session, and its isolation level."""
    names = [name for name in ODD if name not in IRRELEVANT]
    isolation = "tx_isolation" if connection.dialect.is_mariadb else "transaction_isolation"
    row = connection.execute(text(f"SELECT {', '.join(f'@@{n} AS {n}' for n in names)}")).one()
    level = connection.execute(text(f"SELECT @@{isolation}")).scalar()
    return {**row._mapping, "isolation": level}


def test_a_session_is_the_same_on_every_server(plain: DatabaseServer, odd: DatabaseServer) -> None:
    settings = []
    for server in (plain, odd):
        warehouse = Warehouse(server.url("mysql"))
        settings.append(warehouse._database.run_primary_read(settings_of))
        warehouse.close()
    assert settings[0] == settings[1]
    assert settings[0]["isolation"] == "READ-COMMITTED"


def test_a_whole_day_is_loaded_rolled_up_and_read(warehouse: Warehouse) -> None:
    """sql_select_limit would silently cut every result after a hundred rows."""
    day = minutes(START, 1440)
    warehouse.facts.load_objects(SYMBOL, [batch(day)])
    warehouse.aggregates.recompute_hours(SYMBOL, DAY, DAY.end_ms)
    warehouse.aggregates.recompute_days(SYMBOL, DAY, DAY.end_ms)
    assert warehouse.facts.read_candles(SYMBOL, DAY).equals(day)
    assert len(warehouse.facts.list_open_times(SYMBOL, DAY)) == 1440
    warehouse.app_settings.put_value("quoted", 'a "b" \\ c ü €', who="test")
    assert warehouse.app_settings.get_value("quoted") == 'a "b" \\ c ü €'

"""A server that requests files of the client gets none, except the one of a bulk load."""

from pathlib import Path

import pymysql
import pytest

import crypto_assets
from crypto_assets.dagster_ext.instance_home import open_instance
from crypto_assets.errors import CryptoAssetsError, OrchestratorError, WarehouseRefused
from crypto_assets.market.utc_time import DAY_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine.mysql_connections import GuardedConnection, LoadingConnection
from crypto_assets_tests.cli.conftest import desk_at
from crypto_assets_tests.project.repository import text
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.services.rogue_mysql import RogueServer, run_rogue_server
from crypto_assets_tests.warehouse.minutes import START, SYMBOL, batch, minutes, track

SECRET = "CRYPTO_API_TOKEN=planted-4711"
REFUSED = "requested a file of this machine, and got none"


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A file that only its owner can read."""
    path = tmp_path / "private.env"
    path.write_text(SECRET)
    path.chmod(0o600)
    return path


def require_nothing_stolen(server: RogueServer) -> None:
    assert server.statements, "the client never reached the rogue server"
    assert server.stolen == b""


@pytest.mark.parametrize("query", ["", "?local_infile=1"])
@pytest.mark.parametrize("command", ["status", "init", "retain"])
def test_a_command_at_a_rogue_warehouse(
    tmp_path: Path, planted: Path, command: str, query: str
) -> None:
    desk = desk_at(tmp_path / "home", "http://127.0.0.1:9")
    with run_rogue_server(planted) as rogue:
        ran = desk.run(command, CRYPTO_WAREHOUSE_URL=rogue.url(query))
    assert ran.code == 1
    assert REFUSED in ran.complaint
    require_nothing_stolen(rogue)


def test_a_rogue_replica(mariadb_warehouse_url: str, planted: Path) -> None:
    with run_rogue_server(planted) as rogue:
        warehouse = Warehouse(mariadb_warehouse_url, rogue.url())
        track(warehouse)
        with pytest.raises(WarehouseRefused, match=REFUSED):
            warehouse.facts.read_candles(SYMBOL, Window(START, START + DAY_MS))
        warehouse.close()
    require_nothing_stolen(rogue)


def test_the_python_api(planted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_rogue_server(planted) as rogue:
        monkeypatch.setenv("CRYPTO_WAREHOUSE_URL", rogue.url())
        with pytest.raises(CryptoAssetsError, match=REFUSED), crypto_assets.connect() as market:
            market.candles(SYMBOL)
    require_nothing_stolen(rogue)


def test_dagsters_storage(tmp_path: Path, planted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(text("deploy/dagster.yaml"))
    with run_rogue_server(planted) as rogue:
        monkeypatch.setenv("DAGSTER_MYSQL_HOST", rogue.host)
        monkeypatch.setenv("DAGSTER_MYSQL_PORT", str(rogue.port))
        monkeypatch.setenv("DAGSTER_MYSQL_PASSWORD", "word")
        monkeypatch.setenv("DAGSTER_LOG_BUCKET", "logs")
        with pytest.raises(OrchestratorError, match=REFUSED), open_instance(home):
            pass
    require_nothing_stolen(rogue)


@pytest.mark.parametrize("connection_class", [GuardedConnection, LoadingConnection])
def test_a_connection_with_no_permitted_file(
    planted: Path, connection_class: type[GuardedConnection]
) -> None:
    with run_rogue_server(planted) as rogue:
        connection = connection_class(host=rogue.host, port=rogue.port, user="crypto")
        with connection.cursor() as cursor, pytest.raises(pymysql.err.OperationalError):
            cursor.execute("SELECT 1")
        assert not connection.open
    require_nothing_stolen(rogue)


def test_a_bulk_load_sends_its_own_file_only_and_once(planted: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("1,2,3\n")
    for wanted, expected in ((planted, b""), (rows, b"1,2,3\n")):
        with run_rogue_server(wanted, lambda sql: sql.startswith("LOAD")) as rogue:
            connection = LoadingConnection(host=rogue.host, port=rogue.port, user="crypto")
            outcomes = []
            for _ in range(2):
                connection.permitted_file = str(rows) if not outcomes else None
                try:
                    with connection.cursor() as cursor:
                        cursor.execute("LOAD DATA LOCAL INFILE 'rows.csv' INTO TABLE t")
                    outcomes.append("sent")
                except pymysql.Error:
                    outcomes.append("refused")
        assert outcomes == ["sent" if expected else "refused", "refused"]
        assert rogue.stolen == expected


def test_only_the_connections_of_bulk_loads_offer_files(
    mariadb: DatabaseServer, mariadb_warehouse_url: str
) -> None:
    """A bulk load uses LOAD DATA on its own connection; every other connection refuses it."""
    warehouse = Warehouse(mariadb_warehouse_url)
    track(warehouse)
    before = count_loads(mariadb)
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 10))])
    assert count_loads(mariadb) == before
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 1440))])
    assert count_loads(mariadb) > before
    database = warehouse._database
    assert not database.refuses_local_infile
    for engine in (database.engine, database.read_engine):
        with engine.connect() as connection:
            driver = connection.connection.dbapi_connection
            assert type(driver) is GuardedConnection
            with pytest.raises(pymysql.err.Error), driver.cursor() as cursor:
                cursor.execute("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE app_settings")
            connection.invalidate()
    warehouse.close()


def count_loads(mariadb: DatabaseServer) -> int:
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Com_load'")
        (_, count) = cursor.fetchone() or ("", 0)
    return int(count)

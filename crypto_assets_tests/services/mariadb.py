"""Fixtures: a database server (MariaDB, or Oracle's MySQL), and warehouses on it and on SQLite.

`CRYPTO_TEST_SERVER=mysql` runs the same tests on Oracle's MySQL, whose unpacked packages are in
`CRYPTO_TEST_MYSQL_ROOT`.
"""

import fcntl
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql
import pytest

from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.services.lifetime import end_process, with_parent
from crypto_assets_tests.services.programs import find_program, run_program
from crypto_assets_tests.services.sqlite_file import create_sqlite_file

READY_SECONDS = 60.0
START_ATTEMPTS = 3
# Below the kernel's ephemeral range: outgoing connections cannot take these ports.
PORTS = range(15_000, 20_000)
# Faster, and without loss when a client is killed; only a crash of the machine loses data. Native
# asynchronous I/O of a few dozen servers exceeds the limit of the kernel (fs.aio-max-nr).
_UNSAFE = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-use-native-aio=0",
)
THROWAWAY = ("--innodb-buffer-pool-size=256M", *_UNSAFE)
# A server enlarges its log when it starts, which is faster than copying a large one.
_INSTALLING = (*_UNSAFE, "--loose-innodb-log-file-size=4M", "--innodb-buffer-pool-size=16M")


@dataclass(frozen=True)
class DatabaseServer:
    """A running server whose `root` has no password; `pid` is that of the server process."""

    port: int
    pid: int

    def url(self, database: str, user: str = "root", password: str = "") -> str:
        secret = f":{password}" if password else ""
        return f"mysql+pymysql://{user}{secret}@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """Create an empty database and return its URL."""
        database = f"test_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        return self.url(database)

    def connect(
        self, database: str | None = None
    ) -> "pymysql.connections.Connection[pymysql.cursors.Cursor]":
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            database=database,
            autocommit=True,
            ssl_disabled=True,
        )

    def execute(self, *statements: str, database: str | None = None) -> None:
        """Execute statements as root."""
        with self.connect(database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


StartServer = Callable[..., DatabaseServer]


@contextmanager
def create_dagster_database(server: DatabaseServer) -> Iterator[dict[str, str]]:
    """Create the database and the user of Dagster's storage, and yield the variables that name it.

    Drops both at the end: the user would take precedence over that of another test, which may
    connect from every host.
    """
    user = "dagster@'127.0.0.1'"
    drop = ("DROP DATABASE IF EXISTS dagster", f"DROP USER IF EXISTS {user}")
    server.execute(
        *drop,
        "CREATE DATABASE dagster CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        f"CREATE USER {user} IDENTIFIED BY 'word'",
        f"GRANT ALL ON dagster.* TO {user}",
    )
    try:
        yield {
            "DAGSTER_MYSQL_HOST": "127.0.0.1",
            "DAGSTER_MYSQL_PORT": str(server.port),
            "DAGSTER_MYSQL_PASSWORD": "word",
        }
    finally:
        server.execute(*drop)


@pytest.fixture(scope="session")
def installed_databases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the empty databases that servers begin with; all xdist workers share it."""
    base = tmp_path_factory.getbasetemp()
    directory = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "databases"
    directory.mkdir(exist_ok=True)
    return directory


@pytest.fixture(scope="session")
def mariadb(
    tmp_path_factory: pytest.TempPathFactory, installed_databases: Path
) -> Iterator[DatabaseServer]:
    """The server of the session (one per xdist worker), in a temporary directory."""
    kind = os.environ.get("CRYPTO_TEST_SERVER", "mariadb")
    yield from start_server(kind, tmp_path_factory.mktemp(kind), installed=installed_databases)


@pytest.fixture(scope="module")
def own_mariadb(
    tmp_path_factory: pytest.TempPathFactory, installed_databases: Path
) -> Iterator[StartServer]:
    """Start separate servers, which a test may configure, stop or kill.

    The arguments are options of the server.
    """
    kind = os.environ.get("CRYPTO_TEST_SERVER", "mariadb")
    with ExitStack() as started:

        def start(*options: str) -> DatabaseServer:
            directory, tuning = tmp_path_factory.mktemp(kind), (*THROWAWAY, *options)
            servers = start_server(kind, directory, tuning, installed_databases)
            started.callback(servers.close)
            return next(servers)

        yield start


@pytest.fixture(scope="session")
def _mariadb_home(mariadb: DatabaseServer) -> str:
    url = mariadb.fresh()
    warehouse = Warehouse(url)
    warehouse.migrate_schema()
    warehouse.close()
    return url


@pytest.fixture(params=["sqlite", "mariadb"])
def warehouse_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty warehouse with its schema, once on SQLite and once on the server."""
    if request.param == "mariadb":
        return str(request.getfixturevalue("mariadb_warehouse_url"))
    return create_sqlite_file(tmp_path / "warehouse.db")


@pytest.fixture
def mariadb_warehouse_url(mariadb: DatabaseServer, _mariadb_home: str) -> str:
    """Like `warehouse_url`, only on the server: the session's database, emptied."""
    database = _mariadb_home.rpartition("/")[2]
    with mariadb.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'")
        tables = [row[0] for row in cursor.fetchall() if row[0] != "alembic_version"]
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")
        # The same symbols then have the same ids in every empty warehouse.
        cursor.execute("ALTER TABLE symbols AUTO_INCREMENT = 1")
    return _mariadb_home


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    """An empty warehouse, once on SQLite and once on the server."""
    yield from _opened(warehouse_url)


@pytest.fixture
def mariadb_warehouse(mariadb_warehouse_url: str) -> Iterator[Warehouse]:
    """An empty warehouse on the server."""
    yield from _opened(mariadb_warehouse_url)


def _opened(url: str) -> Iterator[Warehouse]:
    warehouse = Warehouse(url)
    yield warehouse
    warehouse.close()


def start_server(
    kind: str,
    directory: Path,
    tuning: Sequence[str] = THROWAWAY,
    installed: Path | None = None,
) -> Generator[DatabaseServer]:
    """Run a server, "mariadb" or "mysql", until the iterator is closed; then delete its data.

    The server begins with a copy of the empty database in `installed`, which is created there if
    it is missing.
    """
    empty = get_empty_database(kind, installed or directory)
    for attempt in range(1, START_ATTEMPTS + 1):
        data = directory / f"data-{attempt}"
        shutil.copytree(empty, data)
        port = _free_port()
        log = directory / f"server-{attempt}.log"
        with log.open("wb") as output:
            command = [*with_parent(), *build_server_command(kind, data, port), *tuning]
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            if _answers(process, port, data):
                yield DatabaseServer(port, process.pid)
                return
        finally:
            end_process(process)
            shutil.rmtree(data)
    pytest.fail(f"{kind} did not start, see {log}:\n{log.read_text()[-2000:]}")


def get_empty_database(kind: str, directory: Path) -> Path:
    """Return the empty database in `directory`, which is created there if it is missing."""
    install = {"mariadb": _install_mariadb, "mysql": _install_mysql}[kind]
    return install_once(kind, install, directory)


def install_once(kind: str, install: Callable[[Path], None], directory: Path) -> Path:
    """Return the empty database in `directory`. Only one of several processes creates it."""
    empty = directory / f"{kind}-empty"
    with (directory / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        errors: list[str] = []
        while not empty.exists():
            incomplete = Path(tempfile.mkdtemp(dir=directory))
            try:
                install(incomplete)
            except AssertionError as error:
                errors.append(str(error))
                if len(errors) == START_ATTEMPTS:
                    pytest.fail("\n".join(errors))
            else:
                incomplete.rename(empty)
    return empty


def build_server_command(kind: str, data: Path, port: int) -> list[str]:
    """Return the command of a server with its data and its port."""
    return [
        *{"mariadb": _mariadb, "mysql": _mysql}[kind](),
        *(f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1"),
        *(f"--socket={data / 's.sock'}", f"--pid-file={data / 'pid'}", f"--tmpdir={data}"),
        *("--character-set-server=utf8mb4", "--local-infile=1", "--skip-log-bin"),
        "--loose-innodb-log-file-size=128M",
        *_as_root(),
    ]


def _mariadb() -> list[str]:
    return [find_program("mariadbd", "mariadb-server"), "--no-defaults"]


def _install_mariadb(data: Path) -> None:
    # Without --force, the program fails when the machine's name cannot be resolved.
    program = [find_program("mariadb-install-db", "mariadb-server"), "--no-defaults", "--force"]
    options = ["--skip-test-db", "--auth-root-authentication-method=normal", *_INSTALLING]
    run_program([*program, f"--datadir={data}", f"--tmpdir={data}", *options, *_as_root()])


def _mysql() -> list[str]:
    return [*_mysql_program(), "--mysqlx=OFF"]


def _install_mysql(data: Path) -> None:
    options = ["--initialize-insecure", f"--datadir={data}", *_INSTALLING]
    run_program([*_mysql_program(), *options, *_as_root()])
    (data / "auto.cnf").unlink()  # the server's UUID: each copy gets its own


def _mysql_program() -> list[str]:
    """Return the command for Debian's packages of MySQL, unpacked with their own loader."""
    root = Path(os.environ.get("CRYPTO_TEST_MYSQL_ROOT", ""))
    server = root / "usr/sbin/mysqld"
    if not server.is_file():
        pytest.fail("CRYPTO_TEST_MYSQL_ROOT has no usr/sbin/mysqld: run `make test-mysql`")
    return [
        *(str(root / "usr/lib64/ld-linux-x86-64.so.2"), "--library-path"),
        *(str(root / "usr/lib/x86_64-linux-gnu"), str(server), "--no-defaults"),
        *(f"--basedir={root / 'usr'}", f"--lc-messages-dir={root / 'usr/share/mysql'}"),
        *(f"--plugin-dir={root / 'usr/lib/mysql/plugin'}", "--secure-file-priv=NULL"),
    ]


def _as_root() -> list[str]:
    """Return the option for root; another user could not read pytest's directories."""
    return ["--user=root"] if os.geteuid() == 0 else []


def _free_port() -> int:
    """Return a port that was just free. If another process takes it, the start fails."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    pytest.fail(f"no free port in {PORTS}")


def _answers(process: "subprocess.Popen[bytes]", port: int, data: Path) -> bool:
    """Check the data directory, since another server may have taken the port."""
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with (
                pymysql.connect(
                    host="127.0.0.1", port=port, user="root", ssl_disabled=True
                ) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute("SELECT @@datadir")
                (place,) = cursor.fetchone() or ("",)
                return Path(place) == data
        except pymysql.err.OperationalError:
            time.sleep(0.05)
    return False

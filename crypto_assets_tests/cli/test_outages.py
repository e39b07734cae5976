"""A backfill waits while the warehouse, the lake or the exchange is down, and then is whole.

`CRYPTO_TEST_OUTAGE_SECONDS` sets how long they are down.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from crypto_assets.market.utc_time import DAY_MS, MINUTES_PER_DAY, day_of
from crypto_assets_tests.cli.conftest import COMMAND, Desk, MakeDesk, Ran
from crypto_assets_tests.services.exchange import NOON, StartExchange
from crypto_assets_tests.services.gate import Gate, gate_before
from crypto_assets_tests.services.lifetime import killed_server
from crypto_assets_tests.services.mariadb import DatabaseServer, StartServer
from crypto_assets_tests.services.s3 import S3Server, start_seaweedfs

DAYS = 50
SYMBOLS = "BTCUSDT,ETHUSDT"
LAST = day_of(NOON - DAY_MS)
RANGE = ("--from", str(day_of(NOON - DAYS * DAY_MS)), "--to", str(LAST))
OUTAGE_SECONDS = float(os.environ.get("CRYPTO_TEST_OUTAGE_SECONDS", "8"))
# Other errors fail a backfill within this time.
SECONDS = 300 + OUTAGE_SECONDS

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def database(own_mariadb: StartServer) -> DatabaseServer:
    """A server that loses no commit when it is killed."""
    return own_mariadb("--innodb-flush-log-at-trx-commit=2")


@pytest.fixture
def own_s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    yield from start_seaweedfs(tmp_path_factory.mktemp("seaweedfs"))


@pytest.fixture
def exchange_gate(simulated_exchange: StartExchange) -> Iterator[Gate]:
    port = int(simulated_exchange(now=NOON).url.rpartition(":")[2])
    with gate_before(port) as gate:
        yield gate


@pytest.fixture
def desk(
    database: DatabaseServer, own_s3_server: S3Server, exchange_gate: Gate, make_desk: MakeDesk
) -> Desk:
    """A home with servers of its own for everything."""
    made = make_desk(
        f"http://127.0.0.1:{exchange_gate.port}",
        SYMBOLS=SYMBOLS,
        START_DATE="2024-11-01",
        WAREHOUSE_URL=database.fresh(),
        LAKE_RAW_URL=f"s3://{own_s3_server.bucket_name()}",
        LAKE_ARCHIVE_URL=f"s3://{own_s3_server.bucket_name()}",
    )
    desk = Desk(made.home, {**made.environment, **own_s3_server.environment()})
    initialized = desk.run("init")
    assert initialized.code == 0, initialized.err
    return desk


Outage = Callable[[], AbstractContextManager[None]]


@contextmanager
def shut_gate(gate: Gate) -> Iterator[None]:
    gate.shut()
    yield
    gate.open()


@pytest.fixture(params=["warehouse", "lake", "exchange"])
def outage(
    request: pytest.FixtureRequest,
    database: DatabaseServer,
    own_s3_server: S3Server,
    exchange_gate: Gate,
) -> Outage:
    """An outage of one of the services."""
    outages: dict[str, Outage] = {
        "warehouse": lambda: killed_server(database.pid),
        "lake": lambda: killed_server(own_s3_server.pid),
        "exchange": lambda: shut_gate(exchange_gate),
    }
    return outages[request.param]


def count_minutes(desk: Desk) -> int:
    engine = create_engine(desk.environment["CRYPTO_WAREHOUSE_URL"])
    with engine.connect() as connection:
        count = connection.execute(text("SELECT COUNT(*) FROM fact_klines")).scalar_one()
    engine.dispose()
    return int(count)


def start_backfill(desk: Desk, folder: Path) -> "subprocess.Popen[bytes]":
    """Start a backfill, and wait until it has loaded something."""
    with (folder / "backfill.log").open("wb") as log:
        process = subprocess.Popen(
            [*COMMAND, "backfill", *RANGE],
            env=dict(desk.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    deadline = time.monotonic() + SECONDS
    while not count_minutes(desk):
        assert process.poll() is None, read_log(folder)
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def read_log(folder: Path) -> str:
    return (folder / "backfill.log").read_text()


def test_a_backfill_survives_an_outage(desk: Desk, outage: Outage, tmp_path: Path) -> None:
    process = start_backfill(desk, tmp_path)
    before = count_minutes(desk)
    with outage():
        time.sleep(OUTAGE_SECONDS)
        assert process.poll() is None, read_log(tmp_path)
    assert process.wait(SECONDS) == 0, read_log(tmp_path)
    expected = DAYS * MINUTES_PER_DAY * len(SYMBOLS.split(","))
    assert before < expected, "the backfill ended before the outage"
    assert count_minutes(desk) == expected
    assert "Traceback" not in read_log(tmp_path)
    verified = verify(desk)
    assert verified.code == 0, verified.out
    # A client's own retries may outlast a short outage.
    reports = read_log(tmp_path).count("waiting for ")
    assert reports <= 1, "an outage is reported once"
    assert read_log(tmp_path).count("responds again after") == reports


def test_a_backfill_can_be_canceled_during_an_outage(
    desk: Desk, database: DatabaseServer, tmp_path: Path
) -> None:
    process = start_backfill(desk, tmp_path)
    with killed_server(database.pid):
        while "waiting for the warehouse" not in read_log(tmp_path):
            assert process.poll() is None, read_log(tmp_path)
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        # Much less than it would wait.
        assert process.wait(60) != 0
    assert "Traceback" not in read_log(tmp_path)


def test_a_command_does_not_wait_for_a_server_that_never_answered(
    make_desk: MakeDesk, exchange_gate: Gate
) -> None:
    desk = make_desk(
        f"http://127.0.0.1:{exchange_gate.port}",
        START_DATE="2024-11-01",
        WAREHOUSE_URL="mysql://root@127.0.0.1:9/crypto",
    )
    ended = threading.Event()
    ran: list[Ran] = []

    def run() -> None:
        ran.append(desk.run("backfill", *RANGE))
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    assert ended.wait(60)
    assert ran[0].code == 1
    assert "does not respond" in ran[0].complaint


def verify(desk: Desk) -> Ran:
    return desk.run("verify", *RANGE)

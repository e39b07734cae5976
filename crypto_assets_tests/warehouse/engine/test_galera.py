"""A Galera cluster as warehouse: writers on several nodes, and a node without a majority."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pymysql
import pytest

from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets_tests.cli.conftest import Desk, desk_at
from crypto_assets_tests.services.dagster_tree import wait_for
from crypto_assets_tests.services.exchange import NOON
from crypto_assets_tests.services.galera import read_status
from crypto_assets_tests.services.mariadb import DatabaseServer

DATABASE = "market"
DAYS = ("--from", "2025-03-01", "--to", "2025-03-04")
MINUTES = 4 * 1440
LATER = ("--from", "2025-02-20", "--to", "2025-02-21")
# Longer than the cluster takes to notice the loss, and less than the timeout of a request.
STALL_SECONDS = 15
# Longer than the retries of one statement.
REFUSING_SECONDS = 10
# ER_UNKNOWN_COM_ERROR: "WSREP has not yet prepared node for application use".
NOT_PREPARED = 1047


@pytest.fixture
def exchange() -> SimulatedExchange:
    return SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(NOON, 0))


@pytest.fixture
def exchange_url(exchange: SimulatedExchange) -> Iterator[str]:
    with start_exchange_server(exchange) as url:
        yield url


def open_desk(folder: Path, exchange_url: str, node: DatabaseServer) -> Desk:
    """Return the commands with a warehouse on one node; all share the lake."""
    url = node.url(DATABASE)
    return desk_at(folder / "home", exchange_url, WAREHOUSE_URL=url, START_DATE="2025-02-01")


def count_minutes(node: DatabaseServer) -> tuple[int, int]:
    """Return the number of minutes, and of their different times."""
    with node.connect(DATABASE) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*), COUNT(DISTINCT open_time) FROM fact_klines")
        count, different = cursor.fetchone() or (0, 0)
        return int(count), int(different)


def wait_until_whole(node: DatabaseServer, minutes: int) -> None:
    """Wait until a node has applied the other nodes' writes: so many minutes, none twice."""
    wait_for(lambda: count_minutes(node) == (minutes, minutes), 30)


@pytest.mark.timeout(300)
def test_writers_on_two_nodes_and_the_loss_of_the_majority(
    galera: list[DatabaseServer], exchange: SimulatedExchange, exchange_url: str, tmp_path: Path
) -> None:
    first, second, third = galera
    assert read_status(first, "wsrep_cluster_size") == "3"
    desks = [open_desk(tmp_path, exchange_url, node) for node in galera]
    ran = desks[0].run("init")
    assert ran.code == 0, ran.err
    with ThreadPoolExecutor(2) as pool:
        for ran in pool.map(lambda desk: desk.run("backfill", *DAYS), desks[:2]):
            assert ran.code == 0, ran.out + ran.err
    for node in galera:
        wait_until_whole(node, MINUTES)
    ran = desks[2].run("verify", *DAYS)
    assert ran.code == 0, ran.out + ran.err

    # Two of three are lost at once: the last one refuses everything until a person decides.
    exchange.faults.add_rule({"do": "stall", "seconds": STALL_SECONDS, "path": "*.zip"})
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(desks[0].run, "backfill", *LATER)
        wait_for(lambda: any(exchange.faults.hit_counts), 60)
        continues_at = time.monotonic() + STALL_SECONDS
        for node in (second, third):
            os.kill(node.pid, signal.SIGKILL)
        wait_for(lambda: read_status(first, "wsrep_cluster_status") == "non-Primary", 60)
        with pytest.raises(pymysql.err.OperationalError) as refused:
            count_minutes(first)
        assert refused.value.args[0] == NOT_PREPARED
        exchange.faults.clear_rules()
        time.sleep(max(0.0, continues_at - time.monotonic()) + REFUSING_SECONDS)
        assert not running.done(), running.result()
        first.execute("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'")
        ran = running.result()
    assert ran.code == 0, ran.out + ran.err
    assert "waiting for the warehouse" in ran.out + ran.err
    wait_until_whole(first, MINUTES + 2 * 1440)

"""A home that an earlier version made works with the wheel, and keeps its candles and runs.

`earlier_home.tar.xz` is the home of version 0.1.0 at commit 240b1a2: after `init`, a backfill of
2025-03-05, and an `up` whose exchange began at 00:40 of the next day and which Ctrl-C ended within
a tick. The exchange was the simulated one with seed 1, and the only symbol BTCUSDT.

`landed_home.tar.xz` is the home of commit 578560b: the same from 2025-03-01 on, with a backfill of
the first four days in Dagster, during whose runs all processes were killed.
"""

import socket
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from crypto_assets.market.utc_time import MINUTE_MS
from crypto_assets.orchestrator.webserver_client import WebserverClient
from crypto_assets_tests.project.repository import ROOT
from crypto_assets_tests.services.dagster_tree import wait_for
from crypto_assets_tests.services.exchange import StartExchange
from crypto_assets_tests.wheel.installation import Installation, choose_ports
from crypto_assets_tests.wheel.test_installed import assert_no_difference

pytestmark = pytest.mark.timeout(900)
_HOMES = {"240b1a2": "earlier_home.tar.xz", "578560b": "landed_home.tar.xz"}
_DAY = ("--from", "2025-03-05", "--to", "2025-03-05")
# 2025-03-06 00:50:30 UTC, after the last candle of the home: the exchange's clock stays there.
_LATER = 1_741_222_230_000
_RUNS = "{ runsOrError { ... on Runs { results { runId status jobName } } } }"


@dataclass(frozen=True)
class Home:
    """The unpacked home, in the folder where commands run."""

    installation: Installation
    folder: Path
    environment: dict[str, str]

    def run(self, *words: str) -> str:
        ran = self.installation.run(*words, folder=self.folder, **self.environment)
        assert ran.code == 0, ran.err
        return ran.out

    def change(self, statement: str, *values: str) -> None:
        """Change Dagster's runs."""
        path = self.folder / ".crypto-assets/dagster/history/runs.db"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement, values)

    def query(self, statement: str, database: str = "warehouse.db") -> list[Any]:
        path = self.folder / ".crypto-assets" / database
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            return connection.execute(statement).fetchall()


@pytest.fixture(params=["240b1a2"])
def home(
    request: pytest.FixtureRequest,
    installation: Installation,
    simulated_exchange: StartExchange,
    tmp_path: Path,
) -> Iterator[Home]:
    """The home of a version, an earlier one by default."""
    server = simulated_exchange(now=_LATER)
    folder = tmp_path / "folder"
    with tarfile.open(Path(__file__).with_name(_HOMES[request.param])) as archive:
        archive.extractall(folder / ".crypto-assets", filter="data")
    yield Home(
        installation,
        folder,
        {
            "CRYPTO_SYMBOLS": "BTCUSDT",
            "CRYPTO_START_DATE": "2025-03-05" if request.param == "240b1a2" else "2025-03-01",
            "CRYPTO_EXCHANGE_URL": server.url,
            "CRYPTO_ARCHIVE_URL": server.url,
            "CRYPTO_INGEST_INTERVAL_MINUTES": "1",
        },
    )


def list_runs(dagster_url: str) -> dict[str, tuple[str, str]]:
    results = WebserverClient(dagster_url).run_query(_RUNS)["runsOrError"]["results"]
    return {run["runId"]: (run["jobName"], run["status"]) for run in results}


def test_an_earlier_home_is_upgraded_and_ticks_continue(home: Home) -> None:
    minutes = "SELECT open_time, close, fetched_at FROM fact_klines ORDER BY open_time"
    earlier = home.query(minutes)
    runs = dict(home.query("SELECT run_id, status FROM runs", "dagster/history/runs.db"))
    assert len(earlier) == 1483
    assert sorted(runs.values()) == ["FAILURE", "SUCCESS", "SUCCESS", "SUCCESS"]

    options, (dagster_url, _, _) = choose_ports()
    with home.installation.serve("up", *options, folder=home.folder, **home.environment):
        # A tick of the new version fetches the minutes since then.
        wait_for(lambda: len(home.query(minutes)) > len(earlier))
        wait_for(lambda: ("ingest", "SUCCESS") in new_runs(dagster_url, runs))
        shown = list_runs(dagster_url)
        assert {run: shown[run][1] for run in runs} == runs

    loaded = home.query(minutes)
    assert loaded[: len(earlier)] == earlier
    assert {later[0] - one[0] for one, later in pairwise(loaded)} == {MINUTE_MS}
    assert ", 0 differences" in home.run("verify", *_DAY)
    shipped = (ROOT / "dagster.yaml").read_text()
    assert (home.folder / ".crypto-assets/dagster/dagster.yaml").read_text().endswith(shipped)


@pytest.mark.parametrize("home", ["578560b"], indirect=True)
def test_a_backfill_of_the_landed_version_is_finished_after_the_upgrade(home: Home) -> None:
    """Its runs, whose processes were killed, are retried by the new version without a hand."""
    minutes = (
        "SELECT open_time, close, fetched_at FROM fact_klines WHERE open_time >= 1741132800000 "
        "ORDER BY open_time"
    )
    earlier = home.query(minutes)
    backfilled = "SELECT COUNT(*) FROM fact_klines WHERE open_time < 1741132800000"
    assert home.query(backfilled)[0][0] < 4 * 1440
    assert home.query("SELECT version_num FROM alembic_version") == [("0006",)]
    # The machine has restarted since: its name is the same.
    home.change(
        "UPDATE run_tags SET value = json_set(value, '$.host', ?) WHERE key LIKE '%crypto_worker'",
        socket.gethostname(),
    )
    options, _ = choose_ports()
    with home.installation.serve("up", *options, folder=home.folder, **home.environment):
        wait_for(lambda: home.query(backfilled) == [(4 * 1440,)])
        wait_for(lambda: len(home.query(minutes)) > len(earlier))
    assert home.query(minutes)[: len(earlier)] == earlier
    out = home.run("verify", "--from", "2025-03-01", "--to", "2025-03-05")
    assert ", 0 differences" in out


def new_runs(dagster_url: str, earlier: dict[str, str]) -> set[tuple[str, str]]:
    return {run for run_id, run in list_runs(dagster_url).items() if run_id not in earlier}


def test_the_demo_continues_an_earlier_home(home: Home) -> None:
    assert_no_difference(home.run("demo", "--once", "--days", "2"), ["BTCUSDT"])
    assert ", 0 differences" in home.run("verify", *_DAY)
    assert home.query("SELECT COUNT(*) FROM fact_klines WHERE open_time < 1741221780000") == [
        (1483,)
    ]

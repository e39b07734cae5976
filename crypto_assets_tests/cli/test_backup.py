"""`backup` during a backfill, and `restore` onto an empty home, killed half-way."""

import json
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from crypto_assets_tests.cli.conftest import Desk, MakeDesk
from crypto_assets_tests.services.exchange import NOON, StartExchange
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.services.s3 import S3Server

_RANGE = ("--from", "2025-02-25", "--to", "2025-03-05")


def _wait_for_files(path: Path, pattern: str, count: int) -> None:
    _wait_until(lambda: len(list(path.glob(pattern))) >= count)


def _wait_until(is_reached: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not is_reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _count_restored_parts(home: Path) -> int:
    """Return how many parts of tables an unfinished restore has inserted; 0 before it begins."""
    address = f"file:{home / 'warehouse.db'}?mode=ro"
    statement = "SELECT value FROM app_settings WHERE name = 'state.restore'"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            row = database.execute(statement).fetchone()
    except sqlite3.OperationalError:  # no file, or no table yet
        return 0
    return json.loads(row[0])["parts"] if row else 0


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it had not ended before"


@contextmanager
def _slow_motion(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Let a process run for one part in fifty of the time, so that it does not end."""
    stopped = Event()

    def interrupt() -> None:
        while not stopped.is_set():
            process.send_signal(signal.SIGSTOP)
            stopped.wait(0.5)
            process.send_signal(signal.SIGCONT)
            stopped.wait(0.01)

    thread = Thread(target=interrupt)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        process.send_signal(signal.SIGCONT)


def test_a_drill_in_sqlite(
    simulated_exchange: StartExchange, make_desk: MakeDesk, tmp_path: Path
) -> None:
    """A backup in a running backfill, killed once; a restore, killed in each of its parts."""
    backups = tmp_path / "backups"
    source = make_desk(simulated_exchange(now=NOON), SYMBOLS="BTCUSDT,WAVESBTC")
    assert source.run("init").code == 0
    backfill = source.start("backfill", *_RANGE)
    _wait_for_files(source.home / "lake" / "raw", "*/*_klines_*", 6)
    with _slow_motion(backfill):
        killed = source.start("backup", str(backups))
        _wait_for_files(backups / "files", "*/*", 5)
        _kill(killed)
        assert not list((backups / "snapshots").glob("*.json"))
        ran = source.run("backup", str(backups))
        assert ran.code == 0, ran.err
        assert backfill.poll() is None, "the backup was made during the backfill"
    backfill.kill()
    backfill.wait()
    shutil.rmtree(source.home)

    restored = Desk(
        tmp_path / "restored",
        {**source.environment, "CRYPTO_HOME": str(tmp_path / "restored")},
    )
    # Among its tables, its objects, and the files of Dagster's home.
    for is_reached in (
        lambda: _count_restored_parts(restored.home) >= 3,
        lambda: len(list((restored.home / "lake" / "raw").glob("*/*_klines_*"))) >= 3,
        lambda: len(list((restored.home / "dagster").glob("**/*.db"))) >= 1,
    ):
        killed = restored.start("restore", str(backups))
        _wait_until(is_reached)
        _kill(killed)
        assert _count_restored_parts(restored.home) >= 3, "it has not finished"
    assert "has not finished" in restored.run("status").complaint
    ran = restored.run("restore", str(backups))
    assert ran.code == 0, ran.err
    assert (restored.home / "operator-token").stat().st_mode & 0o077 == 0
    _finish(restored)


def test_a_drill_on_servers(
    simulated_exchange: StartExchange,
    make_desk: MakeDesk,
    s3_server: S3Server,
    mariadb: DatabaseServer,
    tmp_path: Path,
) -> None:
    exchange = simulated_exchange(now=NOON)

    def make_stores() -> Desk:
        return make_desk(
            exchange,
            SYMBOLS="BTCUSDT,WAVESBTC",
            WAREHOUSE_URL=mariadb.fresh(),
            LAKE_RAW_URL=f"s3://{s3_server.bucket_name()}",
            LAKE_ARCHIVE_URL=f"s3://{s3_server.bucket_name()}",
        )

    servers, backups = s3_server.environment(), str(tmp_path / "backups")
    source = make_stores()
    source = Desk(source.home, {**source.environment, **servers})
    assert source.run("init").code == 0
    backfill = source.start("backfill", *_RANGE)
    ran = source.run("backup", backups)
    assert ran.code == 0, ran.err
    backfill.terminate()
    backfill.wait()
    target = make_stores()
    target = Desk(target.home, {**target.environment, **servers})
    ran = target.run("restore", backups)
    assert ran.code == 0, ran.err
    _finish(target)


def _finish(restored: Desk) -> None:
    """What the backfill had not loaded is loaded; then all equals the exchange."""
    ran = restored.run("backfill", *_RANGE)
    assert ran.code == 0, ran.err
    ran = restored.run("verify", *_RANGE)
    assert ran.code == 0, ran.err + ran.out
    assert "12960 minutes, 0 differences" in ran.out
    ran = restored.run("status")
    assert ran.code == 0, ran.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("restore", "missing"), "contains no backups of crypto-assets"),
        (("restore", "missing", "--check"), "contains no backups of crypto-assets"),
        (("backup", "missing", "--list"), "contains no backups of crypto-assets"),
        (("backup", "missing"), "run `crypto-assets init`"),
    ],
)
def test_wrong_use_changes_nothing(
    make_desk: MakeDesk, tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    desk = make_desk("http://127.0.0.1:9")
    path = tmp_path / "missing"
    ran = desk.run(*(str(path) if word == "missing" else word for word in words))
    assert ran.code != 0
    assert complaint in ran.complaint
    assert not path.exists()

"""The lock of Dagster's daemon: one process has it, and the next one follows, however it ends."""

import subprocess
import sys
import threading
from threading import Event, Thread

import pytest
from sqlalchemy import make_url

from crypto_assets.errors import OrchestratorError
from crypto_assets.warehouse.engine import storage_lock
from crypto_assets.warehouse.engine.dialect import open_engine
from crypto_assets.warehouse.engine.session_lock import SessionLock
from crypto_assets.warehouse.engine.storage_lock import hold_storage_lock
from crypto_assets_tests.services.lifetime import with_parent
from crypto_assets_tests.services.mariadb import DatabaseServer

_PROGRAM = """
import sys
from crypto_assets.warehouse.engine.storage_lock import hold_storage_lock
with hold_storage_lock(sys.argv[1], "", "daemon", lambda: None):
    print("has the lock", flush=True)
    sys.stdin.read()
"""


def test_the_next_process_has_the_lock_when_the_first_is_killed(mariadb: DatabaseServer) -> None:
    url = mariadb.fresh()
    first = subprocess.Popen(
        [*with_parent(), sys.executable, "-c", _PROGRAM, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert first.stdout is not None and first.stdin is not None
    assert first.stdout.readline() == b"has the lock\n"
    entered, leave = Event(), Event()

    def follow() -> None:
        with hold_storage_lock(url, "", "daemon", lambda: None):
            entered.set()
            leave.wait(60)

    second = Thread(target=follow)
    second.start()
    with hold_storage_lock(url, "", "another", lambda: None):
        assert not entered.wait(1)
    first.kill()
    first.wait()
    first.stdin.close()
    first.stdout.close()
    assert entered.wait(60)
    leave.set()
    second.join()


def test_a_lock_that_another_took_during_an_outage_is_reported_once(
    mariadb: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_lock, "_POLL_SECONDS", 0.2)
    url, lost = mariadb.fresh(), []
    gone = Event()

    def report() -> None:
        lost.append(1)
        gone.set()

    name = f"{url.rpartition('/')[2]}/daemon"
    with (
        hold_storage_lock(url, "", "daemon", report),
        mariadb.connect() as connection,
        connection.cursor() as cursor,
    ):
        # A restart of the server ends its sessions, and another process is faster.
        cursor.execute("SELECT IS_USED_LOCK(%s)", (name,))
        (session,) = cursor.fetchone() or (None,)
        cursor.execute(f"KILL {session}")
        cursor.execute("SELECT GET_LOCK(%s, 10)", (name,))
        assert cursor.fetchone() == (1,)
        assert gone.wait(30)
    assert lost == [1]


def test_a_lost_connection_takes_the_lock_again(
    mariadb: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_lock, "_POLL_SECONDS", 0.2)
    url, lost = mariadb.fresh(), []
    name = f"{url.rpartition('/')[2]}/daemon"
    with (
        hold_storage_lock(url, "", "daemon", lambda: lost.append(1)),
        mariadb.connect() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT IS_USED_LOCK(%s)", (name,))
        (first,) = cursor.fetchone() or (None,)
        cursor.execute(f"KILL {first}")
        for _ in range(300):
            cursor.execute("SELECT IS_USED_LOCK(%s), SLEEP(0.1)", (name,))
            holder = (cursor.fetchone() or (None,))[0]
            if holder not in (None, first):
                break
        assert holder not in (None, first)
    assert lost == []


def test_the_end_of_the_thread_that_watches_the_lock_is_a_loss(
    mariadb: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends it: the process would not notice that another one has taken the lock."""
    monkeypatch.setattr(storage_lock, "_POLL_SECONDS", 0.1)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    gone = Event()

    def fail(_: SessionLock) -> bool:
        raise MemoryError

    with hold_storage_lock(mariadb.fresh(), "", "daemon", gone.set):
        monkeypatch.setattr(SessionLock, "is_ours", fail)
        assert gone.wait(30)


def test_long_names_that_begin_alike_are_different_locks(mariadb: DatabaseServer) -> None:
    url, name = mariadb.fresh(), "n" * 100
    with hold_storage_lock(url, "", name, lambda: None):
        other = SessionLock(open_engine(make_url(url)), "", f"{name}2")
        assert other.take()
        same = SessionLock(other._engine, url.rpartition("/")[2], name)
        assert not same.take()
        other.close()
        same.close()
        other._engine.dispose()


def test_a_server_that_does_not_respond_is_named() -> None:
    with (
        pytest.raises(OrchestratorError, match="Dagster's database"),
        hold_storage_lock("mysql+pymysql://d@127.0.0.1:9/dagster", "", "daemon", lambda: None),
    ):
        pass

"""The processes of `up`: a long start, the exit of a child, and one tree per home."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest

from crypto_assets.cli import process_tree
from crypto_assets.cli.home_lock import hold_home_lock
from crypto_assets.cli.process_tree import ProcessTree, Program
from crypto_assets.errors import CryptoAssetsError, HomeTaken
from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.cli.conftest import MakeDesk
from crypto_assets_tests.services.exchange import NOON, StartExchange

SLEEP = "import time; time.sleep(600)"


def program(folder: Path, code: str, ready: Callable[[], bool], name: str = "it") -> Program:
    return Program(
        name, [sys.executable, "-c", code], folder / "log", ready, ready_timeout_seconds=60
    )


@pytest.mark.slow  # starts a program, in the package
def test_a_long_start_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_tree, "_REPORT_SECONDS", 0.5)
    until, reports = time.monotonic() + 2, list[str]()
    with ProcessTree(reports.append) as tree:
        tree.start_programs(program(tmp_path, SLEEP, lambda: time.monotonic() > until))
    assert reports and "it is starting" in reports[0] and " s so far" in reports[0]


@pytest.mark.slow  # starts a program, in the package
def test_the_exit_of_another_program_ends_the_wait(tmp_path: Path) -> None:
    waiting = program(tmp_path / "a", SLEEP, lambda: False)
    code = "print('ERROR: the port is taken'); print('Shutting down'); raise SystemExit(3)"
    dying = program(tmp_path / "b", code, lambda: True, "the other")
    with (
        ProcessTree(lambda _: None) as tree,
        pytest.raises(CryptoAssetsError, match=r"the other exited with code 3.*the port is taken"),
    ):
        tree.start_programs(waiting, dying)


@pytest.mark.slow  # starts a program, in the package
def test_a_long_log_is_continued_in_an_empty_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program, which has the file open, writes on; the file before is kept."""
    monkeypatch.setattr(process_tree, "MAX_LOG_BYTES", 10_000)
    code = (
        "import itertools, time\n"
        "for n in itertools.count(): print(f'line {n}', flush=True); time.sleep(0.0005)"
    )
    log = tmp_path / "log"
    with ProcessTree(lambda _: None) as tree:
        tree.start_programs(program(tmp_path, code, lambda: log.exists()))
        deadline = time.monotonic() + 60
        while not (tmp_path / "log.1").exists() or not log.read_text():
            assert time.monotonic() < deadline
            Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            tree.wait_until_stopped()
        earlier, current = (tmp_path / "log.1").read_text(), log.read_text()
    assert len(earlier) > 10_000 and earlier.startswith("line 0\n")
    assert current.startswith(("line", "\n")) or current[0].isdigit(), "no hole before it"


def test_a_home_is_locked_once(tmp_path: Path) -> None:
    home = tmp_path / "dagster home"
    with (
        hold_home_lock(home),
        pytest.raises(HomeTaken, match=rf"pid {os.getpid()}\) uses"),
        hold_home_lock(home),
    ):
        pass
    with hold_home_lock(home):
        pass


@pytest.mark.parametrize("word", ["up", "demo"])
def test_a_second_tree_is_rejected_before_any_change(
    word: str, make_desk: MakeDesk, simulated_exchange: StartExchange
) -> None:
    desk = make_desk(simulated_exchange(now=NOON))
    names = ("--dagster-port", "--app-port", "--api-port")
    ports = [text for name in names for text in (name, str(require_free_port(0)))]
    with hold_home_lock(desk.home / "dagster"):
        ran = desk.run(word, *ports)
    assert ran.code == 1
    assert str(os.getpid()) in ran.complaint
    assert [path.name for path in (desk.home / "dagster").iterdir()] == ["up.lock"]
    assert not (desk.home / "warehouse.db").exists()

"""Figures of processes that live, end, are killed and fork; real processes and files."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crypto_assets.process_metrics import collect_figures, find_metrics_folder
from crypto_assets.process_metrics.figure_files import add_ended_figures, delete_old_hosts
from crypto_assets.settings import get_settings

_SECONDS = 60.0
_START = """
import os, sys, time
from crypto_assets.process_metrics import get_meter, record_run, recorder, start_recording
recorder._RECORD_SECONDS = 0.05
get_meter().observe_statement("select", 0.01)
get_meter().count_s3_error("GetObject", "503")
"""
_SERVER = f"{_START}\nstart_recording('daemon')\nprint('ready', flush=True)\nsys.stdin.read()"
_RUN = f"{_START}\nwith record_run():\n    get_meter().count_database_retry()\n"
_STATEMENTS = 'crypto_assets_database_seconds_count{process="%s",statement="select"}'

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the figures of a home."""
    monkeypatch.setenv("CRYPTO_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    return find_metrics_folder(get_settings())


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start a Python program, which ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", program]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def start_server(start: Start) -> "subprocess.Popen[str]":
    process = start(_SERVER)
    assert process.stdout and process.stdout.readline() == "ready\n"
    return process


def read_figures(folder: Path) -> dict[str, float]:
    """Return the samples by name and labels, without the host."""
    found = {}
    for metric in collect_figures(folder):
        for sample in metric.samples:
            labels = sorted(sample.labels.items())
            shown = ",".join(f'{name}="{value}"' for name, value in labels if name != "host")
            found[f"{sample.name}{{{shown}}}"] = sample.value
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def find_host(folder: Path) -> Path:
    (host,) = folder.iterdir()
    return host


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in find_host(folder).glob("*.prom*"))


def test_a_living_process_has_its_figures(folder: Path, start: Start) -> None:
    process = start_server(start)
    figures = read_figures(folder)
    labels = '{process="daemon"}'
    assert figures[f"crypto_assets_processes{labels}"] == 1
    assert figures[f"crypto_assets_process_resident_memory_bytes{labels}"] > 1e6
    assert figures[f"crypto_assets_process_open_fds{labels}"] > 2
    assert figures[f"crypto_assets_process_max_fds{labels}"] > 50
    assert figures[f"crypto_assets_process_cpu_seconds_total{labels}"] > 0
    assert abs(figures[f"crypto_assets_process_start_time_seconds{labels}"] - time.time()) < 600
    assert any("process_info" in name and 'version="' in name for name in figures)
    assert figures[_STATEMENTS % "daemon"] == 1
    assert process.poll() is None


def test_processes_of_one_name_are_added(folder: Path, start: Start) -> None:
    start_server(start)
    alone = read_figures(folder)
    start_server(start)
    both = read_figures(folder)
    memory = 'crypto_assets_process_resident_memory_bytes{process="daemon"}'
    assert both['crypto_assets_processes{process="daemon"}'] == 2
    assert both[memory] > 1.5 * alone[memory]
    assert both[_STATEMENTS % "daemon"] == 2


def test_the_counters_of_runs_survive_their_end(folder: Path, start: Start) -> None:
    for count in (1, 2):
        assert start(_RUN).wait(_SECONDS) == 0
        figures = read_figures(folder)
        assert figures['crypto_assets_database_retries_total{process="run"}'] == count
        assert figures[_STATEMENTS % "run"] == count
        assert not [name for name in figures if name.startswith("crypto_assets_process_open_fds")]
        add_ended_figures(find_host(folder))
        assert read_figures(folder) == figures
    assert list_names(folder) == ["ended.prom"]


def test_a_kill_loses_no_figure_and_corrupts_none(folder: Path, start: Start) -> None:
    for _ in range(5):
        process = start_server(start)
        time.sleep(0.07)
        process.send_signal(signal.SIGKILL)
        process.wait(_SECONDS)
    # What a kill within a write leaves behind.
    written = next(iter(find_host(folder).glob("daemon-*.prom")))
    written.with_name(f"{written.name}.1.2").write_text("crypto_assets_database_sec")
    error = 'crypto_assets_s3_errors_total{operation="GetObject",process="daemon",status="503"}'
    assert read_figures(folder)[error] == 5
    server = start_server(start)
    # The server adds up what the others have left.
    wait_for(lambda: len(list_names(folder)) == 2)
    assert read_figures(folder)[error] == 6
    assert server.poll() is None


def test_figures_count_once_if_their_move_is_killed(folder: Path, start: Start) -> None:
    assert start(_RUN).wait(_SECONDS) == 0
    host = find_host(folder)
    (file,) = host.glob("run-*.prom")
    text, before = file.read_text(), read_figures(folder)
    add_ended_figures(host)
    file.write_text(text)
    assert read_figures(folder) == before
    add_ended_figures(host)
    assert read_figures(folder) == before
    assert list_names(folder) == ["ended.prom"]


def test_a_file_that_cannot_be_read_hides_no_other(folder: Path, start: Start) -> None:
    start_server(start)
    (find_host(folder) / "run-1-1.prom").write_text("crypto_assets_x{")
    (folder / "stray").write_text("")
    assert read_figures(folder)[_STATEMENTS % "daemon"] == 1


def test_a_forked_process_begins_at_zero(folder: Path, start: Start) -> None:
    fork = (
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    with record_run():\n"
        "        get_meter().count_database_retry()\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
    )
    program = f"{_START}\nget_meter().count_database_retry()\nstart_recording('worker')\n{fork}"
    assert start(program).wait(_SECONDS) == 0
    figures = read_figures(folder)
    assert figures['crypto_assets_database_retries_total{process="worker"}'] == 1
    assert figures['crypto_assets_database_retries_total{process="run"}'] == 1
    assert _STATEMENTS % "run" not in figures


def test_a_home_that_cannot_be_written_stops_no_process(
    folder: Path, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    folder.write_text("not a folder")
    start_server(start)
    assert start(_RUN).wait(_SECONDS) == 0
    assert read_figures(folder) == {}


def test_hosts_without_figures_for_a_month_are_deleted(folder: Path) -> None:
    for name, days in (("old", 31), ("recent", 29)):
        file = folder / name / "ended.prom"
        file.parent.mkdir(parents=True)
        file.write_text("")
        written = time.time() - days * 86_400
        os.utime(file, (written, written))
    delete_old_hosts(folder)
    assert [path.name for path in folder.iterdir()] == ["recent"]


def test_the_label_of_a_host_is_the_name_of_its_folder(folder: Path, start: Start) -> None:
    start_server(start)
    find_host(folder).rename(folder / "elsewhere")
    shown = [sample.labels for one in collect_figures(folder) for sample in one.samples]
    assert {labels["host"] for labels in shown} == {"elsewhere"}
    assert all(re.fullmatch(r"\w+", labels["process"]) for labels in shown)

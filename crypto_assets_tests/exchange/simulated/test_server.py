"""The server process: it starts, names the owner of a taken port, and stops on a signal."""

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from crypto_assets.errors import PortTaken, WrongUse
from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedExchange,
    parse_instant,
    serve_simulated,
    start_exchange_server,
)
from crypto_assets.tcp_ports import claim_port

_SERVE = (
    "from crypto_assets.exchange.simulated import serve_simulated;"
    "serve_simulated({port}, now='2025-03-06T12:00:30Z', speed=0, seed=9)"
)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> requests.Response:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return requests.get(url, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"no response from {url}; exit code {process.poll()}")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal(stop: signal.Signals) -> None:
    port = _free_port()
    command = [sys.executable, "-c", _SERVE.format(port=port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            response = _wait_for(f"http://127.0.0.1:{port}/api/v3/time", process)
            assert response.json() == {"serverTime": parse_instant("2025-03-06T12:00:30Z")}
            assert response.headers["X-Simulated-Exchange"] == "seed=9"
            process.send_signal(stop)
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


def test_a_server_in_a_thread_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    with start_exchange_server(SimulatedExchange(GeneratedCandles(1))) as url:
        assert requests.get(f"{url}/api/v3/time", timeout=20).status_code == 200
    # The server's worker threads end a moment later.
    deadline = time.monotonic() + 20
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def test_a_taken_port_is_refused_before_anything_starts() -> None:
    with claim_port(0) as claimed:
        claimed.listen()
        with pytest.raises(PortTaken, match="is in use by"):
            serve_simulated(claimed.getsockname()[1])


def test_wrong_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="not a directory"):
        serve_simulated(0, data=tmp_path / "nowhere")
    with pytest.raises(WrongUse, match="--speed must be 0 or more"):
        serve_simulated(0, speed=-1)
    with pytest.raises(WrongUse, match="'noon' is not an instant"):
        serve_simulated(0, now="noon")
    with pytest.raises(WrongUse, match="cannot read the fault script"):
        serve_simulated(0, faults=tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2025-01-31T12:00:30Z", 1_738_324_830_000),
        ("2025-01-31T12:00:30", 1_738_324_830_000),
        ("2025-01-31T13:00:30.250+01:00", 1_738_324_830_250),
        ("2025-01-31", 1_738_281_600_000),
        ("1738324830000", 1_738_324_830_000),
        (1_738_324_830_000, 1_738_324_830_000),
    ],
)
def test_times_are_read_in_common_formats(text: str | int, ms: int) -> None:
    assert parse_instant(text) == ms

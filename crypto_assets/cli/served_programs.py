"""The programs of `up` and `demo`: Dagster's webserver and daemon, app, API, simulated exchange."""

import sys
from pathlib import Path

from crypto_assets.cli.process_tree import Program
from crypto_assets.errors import OrchestratorError
from crypto_assets.http_client import REQUEST_ERRORS, open_session
from crypto_assets.market.utc_time import now_ms
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.settings import PROJECT_ROOT

_PYTHON = sys.executable
_BIN_FOLDER = Path(sys.executable).parent
# The same as `local_startup_timeout` in dagster.yaml.
_CODE_LOAD_SECONDS = 900


def simulated_exchange_program(port: int, logs: Path) -> Program:
    """Describe the simulated exchange on `port`."""
    return Program(
        "the simulated exchange",
        [_PYTHON, "-m", "crypto_assets", "simulate-exchange", "--port", str(port)],
        logs / "exchange.log",
        lambda: _url_responds(f"http://127.0.0.1:{port}/api/v3/ping"),
    )


def webserver_program(port: int, logs: Path) -> Program:
    """Describe Dagster's webserver on `port`."""
    command = [str(_BIN_FOLDER / "dagster-webserver"), "-h", "127.0.0.1", "-p", str(port)]
    return Program(
        "Dagster's webserver",
        [*command, "-w", str(PROJECT_ROOT / "workspace.yaml")],
        logs / "webserver.log",
        lambda: _url_responds(f"http://127.0.0.1:{port}/server_info"),
        # It responds as soon as its code server does.
        ready_timeout_seconds=_CODE_LOAD_SECONDS,
        startup_activity="is loading the code",
    )


def daemon_program(webserver_port: int, logs: Path) -> Program:
    """Describe Dagster's daemon, which is ready when the webserver shows its heartbeats."""
    start_ms = now_ms()
    dagster = Orchestrator(f"http://127.0.0.1:{webserver_port}")
    return Program(
        "Dagster's daemon",
        [str(_BIN_FOLDER / "dagster-daemon"), "run", "-w", str(PROJECT_ROOT / "workspace.yaml")],
        logs / "daemon.log",
        lambda: _daemons_are_healthy(dagster, start_ms),
        ready_timeout_seconds=_CODE_LOAD_SECONDS,
        startup_activity="is loading the code",
    )


def app_program(port: int, logs: Path) -> Program:
    """Describe the Streamlit app on `port`."""
    return Program(
        "the app",
        [
            *(_PYTHON, "-m", "streamlit", "run", str(PROJECT_ROOT / "streamlit_app" / "app.py")),
            *("--server.port", str(port), "--server.address", "127.0.0.1"),
            *("--server.headless", "true", "--browser.gatherUsageStats", "false"),
        ],
        logs / "app.log",
        lambda: _url_responds(f"http://127.0.0.1:{port}/_stcore/health"),
    )


def api_program(port: int, logs: Path) -> Program:
    """Describe the HTTP API on `port`."""
    return Program(
        "the API",
        [_PYTHON, "-m", "crypto_assets", "api", "--port", str(port)],
        logs / "api.log",
        lambda: _url_responds(f"http://127.0.0.1:{port}/health/live"),
    )


def _daemons_are_healthy(dagster: Orchestrator, since_ms: int) -> bool:
    """Whether every daemon has sent a heartbeat since `since_ms`, when this daemon was started."""
    try:
        return not dagster.list_unhealthy_daemons(since_ms)
    except OrchestratorError:
        return False


def _url_responds(url: str) -> bool:
    try:
        with open_session(url) as session:
            return session.get(url, timeout=2).ok
    except REQUEST_ERRORS:
        return False

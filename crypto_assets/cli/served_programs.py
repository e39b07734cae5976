"""The programs of `up` and `demo`: Dagster's webserver and daemon, app, API, simulated exchange.

Dagster's start in the folder of their logs: they read `.env` of the current folder, and prefer it
to the environment, even an empty value.
"""

import os
import sys
from pathlib import Path

from crypto_assets.access import find_operator_token
from crypto_assets.cli.child_environment import read_other_variables
from crypto_assets.cli.process_tree import Program
from crypto_assets.dagster_ext.commands import DAEMON_COMMAND, WEBSERVER_COMMAND
from crypto_assets.errors import OrchestratorError
from crypto_assets.http_client import (
    REQUEST_ERRORS,
    RequestTimeouts,
    open_session,
    send_request,
)
from crypto_assets.installation import PROJECT_ROOT, find_project_file
from crypto_assets.market.utc_time import now_ms
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.settings import get_settings

_PYTHON = sys.executable
# The same as `local_startup_timeout` in dagster.yaml.
_CODE_LOAD_SECONDS = 900
_CHECK_TIMEOUTS = RequestTimeouts(connect=2, read=2, total=5)
_MAX_CHECK_BYTES = 1 << 20


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
    return Program(
        "Dagster's webserver",
        [*WEBSERVER_COMMAND, "-h", "127.0.0.1", "-p", str(port), *_workspace_option()],
        logs / "webserver.log",
        lambda: _url_responds(f"http://127.0.0.1:{port}/server_info"),
        environment=read_other_variables(),
        folder=logs,
        # It responds as soon as its code server does.
        ready_timeout_seconds=_CODE_LOAD_SECONDS,
        startup_activity="is loading the code",
    )


def daemon_program(webserver_port: int, logs: Path) -> Program:
    """Describe Dagster's daemon, which is ready when the webserver shows its heartbeats."""
    start_ms = now_ms()
    dagster = Orchestrator(
        f"http://127.0.0.1:{webserver_port}", token=find_operator_token(get_settings())
    )
    return Program(
        "Dagster's daemon",
        [*DAEMON_COMMAND, "run", *_workspace_option()],
        logs / "daemon.log",
        lambda: _daemons_are_healthy(dagster, start_ms),
        environment=read_other_variables(),
        folder=logs,
        ready_timeout_seconds=_CODE_LOAD_SECONDS,
        startup_activity="is loading the code",
    )


def app_program(port: int, logs: Path) -> Program:
    """Describe the Streamlit app on `port`."""
    return Program(
        "the app",
        [_PYTHON, "-m", "streamlit_app.app", "--port", str(port)],
        logs / "app.log",
        lambda: _url_responds(f"http://127.0.0.1:{port}/_stcore/health"),
        # A wheel does not put `streamlit_app` on Python's path.
        environment={"PYTHONPATH": _prepend_to_python_path(str(PROJECT_ROOT))},
    )


def api_program(port: int, logs: Path) -> Program:
    """Describe the HTTP API on `port`."""
    return Program(
        "the API",
        [_PYTHON, "-m", "crypto_assets", "api", "--port", str(port)],
        logs / "api.log",
        lambda: _url_responds(f"http://127.0.0.1:{port}/health/live"),
    )


def _workspace_option() -> tuple[str, str]:
    return "-w", str(find_project_file("workspace.yaml"))


def _prepend_to_python_path(folder: str) -> str:
    inherited = os.environ.get("PYTHONPATH")
    return os.pathsep.join((folder, inherited)) if inherited else folder


def _daemons_are_healthy(dagster: Orchestrator, since_ms: int) -> bool:
    """Whether every daemon has sent a heartbeat since `since_ms`, when this daemon was started."""
    try:
        return not dagster.list_unhealthy_daemons(since_ms)
    except OrchestratorError:
        return False


def _url_responds(url: str) -> bool:
    try:
        with open_session(url) as session:
            response = send_request(
                session, "GET", url, timeouts=_CHECK_TIMEOUTS, max_bytes=_MAX_CHECK_BYTES
            )
            return response.is_success
    except REQUEST_ERRORS:
        return False

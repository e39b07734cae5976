"""Dagster's daemon, one per storage: `python -m crypto_assets.dagster_ext.daemon run …`.

Two daemons with one storage would launch every tick twice. In an embedded home, `up` has a lock on
the home. With Dagster's storage in MySQL, a second daemon, of another machine or container, waits
until the first one has ended, and then continues in its place.
"""

import logging
import os
import signal
from pathlib import Path

# Dagster has no public module for its daemon.
from dagster._daemon.cli import main as run_daemon

from crypto_assets.dagster_ext.json_logs import configure_dagster_commands
from crypto_assets.dagster_ext.storage_backup import find_storage_url
from crypto_assets.logs import TEXT_FORMAT
from crypto_assets.settings import get_settings
from crypto_assets.telemetry import start_telemetry
from crypto_assets.warehouse.engine.storage_lock import hold_storage_lock

_LOCK_NAME = "daemon"
_log = logging.getLogger("crypto_assets.daemon")


def serve_daemon() -> None:
    """Run the daemon with Dagster's own arguments, as soon as no other uses the storage."""
    if not configure_dagster_commands("daemon"):
        _configure_own_logs()
    start_telemetry("daemon")
    settings = get_settings()
    url = find_storage_url(Path(os.environ.get("DAGSTER_HOME") or settings.dagster_home))
    if url is None:
        run_daemon()
        return
    options = settings.dagster_mysql_options.get_secret_value()
    with hold_storage_lock(url, options, _LOCK_NAME, _stop):
        run_daemon()


def _configure_own_logs() -> None:
    """Write the warnings of this package; a handler for all would repeat each line of Dagster."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(TEXT_FORMAT))
    logging.getLogger("crypto_assets").addHandler(handler)


def _stop() -> None:
    _log.error("another daemon has taken over this storage: this one ends")
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    serve_daemon()

"""Writes the figures of this process to its file in the home, every 15 seconds and at its end."""

import atexit
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread

from prometheus_client import write_to_textfile

from crypto_assets.background import repeat_in_background
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.process_metrics.figure_files import (
    add_ended_figures,
    delete_old_hosts,
    name_figure_file,
)
from crypto_assets.process_metrics.meter import get_meter
from crypto_assets.settings import Settings, get_settings

_RECORD_SECONDS = 15.0
_JOIN_SECONDS = 5.0
_FOLDER = "metrics"
_log = logging.getLogger(__name__)


def find_metrics_folder(settings: Settings) -> Path:
    """Return the folder with the figures of all processes of a home, which need not exist."""
    return settings.home / _FOLDER


def start_recording(process: str) -> None:
    """Record this process, a server, until it ends. `process` is what it is, such as "daemon".

    Also adds up the figures of processes of this host that have ended. Does nothing if the home
    cannot be written, or if the settings are invalid, which the process itself reports.
    """
    folder = _prepare_folder()
    if folder is None:
        return
    delete_old_hosts(folder.parent)
    _record(folder, process)
    Thread(target=_record_always, args=(folder, process), daemon=True).start()
    atexit.register(_record_end, folder, process, os.getpid())


@contextmanager
def record_run(process: str = "run") -> Iterator[None]:
    """Record this process within the `with` block, and once more at its end."""
    folder = _prepare_folder()
    if folder is None:
        yield
        return
    with repeat_in_background(partial(_record, folder, process), _RECORD_SECONDS, _JOIN_SECONDS):
        yield


def _prepare_folder() -> Path | None:
    try:
        folder = find_metrics_folder(get_settings()) / socket.gethostname()
    except CryptoAssetsError:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _log.info("the metrics have no figures of this process: %s: %s", folder, error.strerror)
        return None
    return folder


def _record_always(folder: Path, process: str) -> None:
    while True:
        time.sleep(_RECORD_SECONDS)
        _record(folder, process)
        add_ended_figures(folder)


def _record_end(folder: Path, process: str, pid: int) -> None:
    # A forked process would call this too.
    if os.getpid() == pid:
        _record(folder, process)


def _record(folder: Path, process: str) -> None:
    meter = get_meter()
    file = folder / name_figure_file(process, os.getpid(), meter.started_ms)
    try:
        write_to_textfile(str(file), meter.registry)
    except OSError as error:
        _log.info("the figures of this process are not written: %s: %s", file, error.strerror)

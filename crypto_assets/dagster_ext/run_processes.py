"""Starts the process of a run as a fork of one that has imported Dagster and the assets.

Dagster's code server starts a new Python for each run, which spends two seconds of processor time
on imports. With the start method "forkserver" of Python's multiprocessing, one process, which the
code server starts with its first run, spends them for all: it imports `crypto_assets.run_imports`,
opens no connection, starts no thread, and forks for each run. If it ends, the next run starts
another one.

Each run reads the settings again, but until the code location is reloaded, it executes the code of
the time of the first run. With `dagster dev` each run is a new Python, so that edits take effect.
"""

import multiprocessing
import os
from typing import Any

# Dagster exports neither the code server, nor a choice of how it starts runs.
from dagster._grpc import server as server_module

_PRELOADED = ["crypto_assets.run_imports"]
# Dagster sets it in the processes that `dagster dev` and `dg dev` start.
_DEV_VARIABLE = "DAGSTER_IS_DEV_CLI"


def start_runs_as_forks() -> None:
    """Have the code server of this process, if it is one, start runs as forks from now on."""
    if os.environ.get(_DEV_VARIABLE):
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    server_class: Any = server_module.DagsterApiServer
    # A property takes precedence over the attribute that each server sets when it is created.
    server_class._mp_ctx = property(lambda _: context, lambda *_: None)

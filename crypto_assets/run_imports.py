"""What the processes of runs have in common, imported once; see `dagster_ext/run_processes.py`.

Only multiprocessing imports this module, in the process that forks for each run.
"""

import atexit
import importlib
import logging
import os
import pkgutil
import signal
from multiprocessing import util

from crypto_assets import defs
from crypto_assets.dagster_ext.definitions_load import load_for_run
from crypto_assets.dagster_ext.json_logs import configure_dagster_logs
from crypto_assets.python_gc import pause_collections
from crypto_assets.settings import get_settings

_EXIT_PRIORITY = 0
_log = logging.getLogger(__name__)


def _import_all() -> None:
    """Import the modules of `defs`; a run itself imports `definitions`."""
    for module in pkgutil.walk_packages(defs.__path__, f"{defs.__name__}."):
        importlib.import_module(module.name)


def _call_exit_functions_after(run: object) -> None:
    """Have the process of a run call the functions of `atexit` too, as a new Python does."""
    util.Finalize(None, atexit._run_exitfuncs, exitpriority=_EXIT_PRIORITY)


def _prepare_child() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # S3 keys in `.env` may have changed since.
    get_settings.cache_clear()


def _prepare() -> None:
    # A stop of the whole process group must not end this process before the runs, because it
    # reports to the code server how they ended.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.register_at_fork(after_in_child=_prepare_child)
    util.register_after_fork(defs, _call_exit_functions_after)
    with pause_collections(), load_for_run():
        try:
            _import_all()
        except Exception:  # noqa: BLE001  # of any module; it is logged, and each run meets it
            # Such as invalid settings: this process must live, so that runs can report it
            # themselves, or succeed after a correction.
            configure_dagster_logs("run")
            _log.exception("each run imports its code by itself, because this failed in advance")


_prepare()

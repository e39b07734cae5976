"""Dagster's logs as JSON lines, in all of its processes, if CRYPTO_LOG_FORMAT is json.

Dagster has a JSON format of its own for its servers, another one for runs, which only the run
config selects, and none of them is passed on to the code servers that it starts. So its functions
that create handlers are replaced here, in each process at its start.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import structlog

# Dagster exports none of these.
from dagster import _loggers
from dagster._cli import api, code_server
from dagster._core.definitions import instigation_logger
from dagster._core.log_manager import LOG_RECORD_METADATA_ATTR
from dagster._daemon import controller
from dagster._grpc import server as server_module

from crypto_assets.logs import configure_json_logs, create_json_handler, read_log_format
from crypto_assets.orchestrator.partition_keys import describe_run_partitions
from crypto_assets.settings import LogFormat

# The program with Dagster's commands, which every code server executes.
COMMAND_MODULE = "crypto_assets.dagster_ext.dagster_command"
_RUN_MODULES: tuple[Any, ...] = (_loggers, instigation_logger)
_COMMAND_MODULES: tuple[Any, ...] = (api, code_server, controller)
_SERVER_MODULE: Any = server_module
_INFO_LOGGERS = ("dagster", "crypto_assets")
_configured: list[str] = []


class RunFieldsFilter(logging.Filter):
    """Adds run, job, partition, step and event to a record of a run's log."""

    def filter(self, record: logging.LogRecord) -> bool:
        meta = getattr(record, LOG_RECORD_METADATA_ATTR, None)
        if meta is None:
            return True
        event: dg.DagsterEvent | None = meta["dagster_event"]
        fields = {
            "run_id": meta["run_id"],
            "job": meta["job_name"],
            "partition": (event and event.partition) or describe_run_partitions(meta["job_tags"]),
            "step": meta["step_key"],
            "event": event and event.event_type_value,
            "traceback": _describe_error(event),
        }
        # Without the same fields, which Dagster puts before the message.
        record.msg, record.args = meta["orig_message"], ()
        record.__dict__.update({name: value for name, value in fields.items() if value})
        return True


def configure_dagster_logs(process: str) -> bool:
    """Write all logs of this process as JSON lines, if the settings say so; return whether.

    `process` is what the process is. Once in a process: later calls change nothing.
    """
    if _configured or read_log_format() is not LogFormat.JSON:
        return bool(_configured)
    _configured.append(process)
    # Otherwise the library itself writes lines of text, such as when a server stops.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    configure_json_logs(process, logging.WARNING)
    handler = logging.getLogger().handlers[0]
    handler.addFilter(RunFieldsFilter())
    # Dagster lowers the level of its loggers to DEBUG.
    handler.setLevel(logging.INFO)
    for name in _INFO_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
    structlog.configure(
        processors=[structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    for module in _RUN_MODULES:
        module.create_console_logger = _create_console_logger
    return True


def configure_dagster_commands(process: str) -> bool:
    """Do the same in a process that executes one of Dagster's commands, and for its code servers.

    Returns whether the settings say so. Code servers are started by our command in any case, which
    also records their figures.
    """
    _SERVER_MODULE.get_python_environment_entry_point = _build_entry_point
    if not configure_dagster_logs(process):
        return False
    for module in _COMMAND_MODULES:
        module.configure_loggers = _set_level
    return True


def build_run_fields(run: dg.DagsterRun) -> Mapping[str, str]:
    """Build the fields of all lines of a process that executes a run."""
    partition = describe_run_partitions(run.tags)
    fields = {"run_id": run.run_id, "job": run.job_name}
    return {**fields, "partition": partition} if partition else fields


def _create_console_logger(name: str, level: str | int) -> logging.Logger:
    """Create the logger that repeats the log of a run, a schedule or a sensor on stderr."""
    logger = logging.Logger(name, level)
    handler = create_json_handler(_configured[0])
    handler.addFilter(RunFieldsFilter())
    logger.addHandler(handler)
    return logger


def _set_level(
    handler: str = "default", formatter: str = "", log_level: str | int = logging.INFO
) -> None:
    """Set the level of what the process writes; Dagster's function adds a handler for it."""
    logging.getLogger().handlers[0].setLevel(log_level)


def _build_entry_point(executable_path: str) -> Sequence[str]:
    """Build the command of a code server: Dagster's, with our logs and figures from the start."""
    return [executable_path, "-m", COMMAND_MODULE]


def _describe_error(event: dg.DagsterEvent | None) -> Any:
    data = event and event.event_specific_data
    error = getattr(data, "error", None)
    return error and getattr(data, "error_display_string", error.to_string())

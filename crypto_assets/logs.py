"""The logs of a process: one JSON object per line, or text, as CRYPTO_LOG_FORMAT says.

if read_log_format() is LogFormat.JSON:
    configure_json_logs("app")              once in a process, at its start
with bind_log_fields(run_id=run_id):        adds fields to every line of the process
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import orjson

from crypto_assets.addresses import remove_logins
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import format_utc
from crypto_assets.settings import LogFormat, get_settings

TEXT_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# Fields that a log record may have besides its message, set through `extra` or by a filter.
_FIELDS = (
    *("method", "path", "status", "milliseconds", "client"),
    *("run_id", "job", "partition", "step", "event", "traceback"),
)
# Of the process and not of a thread: the threads of a run log for it too.
_bound_fields: dict[str, Any] = {}
_log = logging.getLogger(__name__)


class JsonLinesFormatter(logging.Formatter):
    """Format a record as one line, without logins; line breaks in values are escaped.

    `process` is what the process is: "daemon", "code_server", "run", "app".
    """

    def __init__(self, process: str = "") -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": format_utc(int(record.created * 1000)),
            "level": record.levelname,
            "logger": record.name,
            "message": _remove_logins(record.getMessage()),
            "process": self._process,
            "pid": os.getpid(),
            **_bound_fields,
        }
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        if trace := line.get("traceback"):
            line["traceback"] = _remove_logins(str(trace))
        try:
            return orjson.dumps(line, default=str).decode()
        except TypeError:  # for the name of a file that is not UTF-8
            text = json.dumps(line, default=str, ensure_ascii=False)
            return text.encode(errors="replace").decode()


def read_log_format() -> LogFormat | None:
    """Return the format of the settings; None if it is not set, or the settings are invalid.

    What needs the settings reports why they are invalid.
    """
    try:
        return get_settings().log_format
    except CryptoAssetsError:
        return None


def configure_json_logs(process: str, level: int = logging.INFO) -> None:
    """Make every logger of the process write JSON lines to stderr.

    So do warnings and uncaught exceptions.
    """
    logging.basicConfig(level=level, handlers=[create_json_handler(process)], force=True)
    # Alembic logs its connection each time that the schema version is checked.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def create_json_handler(process: str) -> logging.Handler:
    """Create a handler that writes JSON lines to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLinesFormatter(process))
    return handler


@contextmanager
def bind_log_fields(**fields: Any) -> Iterator[None]:
    """Add fields to all JSON lines that the process writes within the `with` block."""
    before = dict(_bound_fields)
    _bound_fields.update(fields)
    try:
        yield
    finally:
        _bound_fields.clear()
        _bound_fields.update(before)


def get_log_fields() -> Mapping[str, Any]:
    """Return the fields that all lines have at present."""
    return dict(_bound_fields)


def find_error_text(line: str) -> str | None:
    """Return the text of a line of any log that is an error; None for another line.

    Lines of text say so in words. Of a JSON line with a traceback, it is the traceback's end.
    """
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:
        return line if "error" in line.lower() else None
    if not isinstance(fields, dict) or fields.get("level") not in {"ERROR", "CRITICAL"}:
        return None
    lines = str(fields.get("traceback") or fields.get("message")).splitlines()
    return lines[-1] if lines else None


def _remove_logins(text: str) -> str:
    """Remove logins line by line: a whole traceback may be longer than what is shown of a text."""
    return "\n".join(map(remove_logins, text.split("\n")))


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        _log.critical("uncaught %s", kind.__name__, exc_info=(kind, error, trace))


def _log_uncaught_in_thread(raised: threading.ExceptHookArgs) -> None:
    if raised.exc_value is not None:
        _log_uncaught(raised.exc_type, raised.exc_value, raised.exc_traceback)

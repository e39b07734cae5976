"""Measures the statements of an engine."""

import time
from typing import Any

from sqlalchemy import Engine, event

from crypto_assets.process_metrics import get_meter

_STARTED = "measured_since"
_STATEMENTS = {"select", "insert", "update", "delete", "load"}


def measure_statements(engine: Engine) -> Engine:
    """Add the duration of each statement to the figures of this process; return the engine."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    return engine


def _begin(
    connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, is_many: bool
) -> None:
    connection.info[_STARTED] = time.perf_counter()


def _end(
    connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, is_many: bool
) -> None:
    seconds = time.perf_counter() - connection.info.pop(_STARTED)
    word = statement.lstrip(" (\n")[:6].split(" ", 1)[0].rstrip().lower()
    get_meter().observe_statement(word if word in _STATEMENTS else "other", seconds)

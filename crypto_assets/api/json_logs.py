"""JSON logs: one object per line, with the fields of a request but no headers and no query."""

import logging
import sys
from typing import Any

import orjson

from crypto_assets.market.utc_time import format_utc

# Fields that a log record may have besides its message, set through `extra`.
_FIELDS = ("method", "path", "status", "milliseconds", "client")


class JsonLinesFormatter(logging.Formatter):
    """Format a record as one line; line breaks in values are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": format_utc(int(record.created * 1000)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def configure_json_logs(level: int = logging.INFO) -> None:
    """Make every logger of the process write JSON lines to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLinesFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Alembic logs its connection each time that the schema version is checked.
    logging.getLogger("alembic").setLevel(logging.WARNING)

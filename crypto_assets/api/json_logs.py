"""One JSON object a line, with the fields of a request and never a header or a query."""

import logging
import sys
from typing import Any

import orjson

from crypto_assets.market.utc_time import format_utc

# What a record may carry besides its message, by `extra`.
_FIELDS = ("method", "path", "status", "milliseconds", "client")


class JsonLinesFormatter(logging.Formatter):
    """A record as one line: no value in it can begin another."""

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
    """Has every logger of the process write so to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLinesFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # It says how it is connected each time that the schema's version is looked at.
    logging.getLogger("alembic").setLevel(logging.WARNING)

"""The drawings on the candle charts of the app, by symbol."""

import json
import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select

from crypto_assets.errors import WrongUse
from crypto_assets.foreign_text import shorten_text
from crypto_assets.market.chart_drawings import (
    MAX_DRAWINGS,
    MAX_DRAWN_SYMBOLS,
    ChartDrawing,
    format_drawing,
    parse_drawing,
)
from crypto_assets.market.utc_time import now_ms
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import make_upsert
from crypto_assets.warehouse.engine.schema import chart_drawings

_logger = logging.getLogger(__name__)
_LOCK = "chart_drawings"
_columns = chart_drawings.c
_MAX_AUTHOR = 200


class ChartDrawings:
    """The drawings, on the primary: who saves one must see it.

    They have the name of a symbol, not its number, since a file of layouts may be imported before
    its symbols are tracked.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_drawings(self, symbol: str) -> list[ChartDrawing]:
        """List the drawings of a symbol by their ids."""
        return self._read(_columns.symbol == symbol).get(symbol, [])

    def list_all_drawings(self) -> dict[str, list[ChartDrawing]]:
        """List the drawings of every symbol that has any, by symbol and id."""
        return self._read()

    def save_drawings(self, symbol: str, drawings: Sequence[ChartDrawing], who: str) -> None:
        """Store drawings, each in the place of one with its id; others stay as they are.

        Raises WrongUse, and stores none, if the symbol would have more than 200 drawings, or more
        than 200 symbols would have any.
        """
        rows = [_make_row(symbol, drawing, who) for drawing in drawings]
        if not rows:
            return

        def work(connection: Connection) -> None:
            statement = make_upsert(
                connection,
                chart_drawings,
                ["symbol", "drawing_id"],
                lambda new: [
                    ("content", new.content),
                    ("changed_by", new.changed_by),
                    ("changed_at", new.changed_at),
                ],
            )
            connection.execute(statement, rows)
            _check_limits(connection, symbol)

        self._database.run_exclusive_write(_LOCK, work)

    def delete_drawings(self, symbol: str, drawing_ids: Collection[str]) -> int:
        """Delete drawings of a symbol; return how many there were."""
        which = (_columns.symbol == symbol, _columns.drawing_id.in_(drawing_ids))
        return self._database.run_exclusive_write(
            _LOCK, lambda c: c.execute(delete(chart_drawings).where(*which)).rowcount
        )

    def _read(self, *where: ColumnElement[bool]) -> dict[str, list[ChartDrawing]]:
        statement = (
            select(_columns.symbol, _columns.drawing_id, _columns.content)
            .where(*where)
            .order_by(_columns.symbol, _columns.drawing_id)
        )
        rows = self._database.run_primary_read(lambda c: c.execute(statement).all())
        drawings: dict[str, list[ChartDrawing]] = {}
        for row in rows:
            with _report_invalid(row):
                drawings.setdefault(row.symbol, []).append(_parse_row(row))
        return drawings


def _check_limits(connection: Connection, symbol: str) -> None:
    count = select(func.count()).select_from(chart_drawings).where(_columns.symbol == symbol)
    if connection.execute(count).scalar_one() > MAX_DRAWINGS:
        raise WrongUse(f"{symbol} has {MAX_DRAWINGS} drawings: remove one first")
    symbols = select(func.count(_columns.symbol.distinct()))
    if connection.execute(symbols).scalar_one() > MAX_DRAWN_SYMBOLS:
        raise WrongUse(
            f"{MAX_DRAWN_SYMBOLS} symbols have drawings: remove those of another symbol first"
        )


def _make_row(symbol: str, drawing: ChartDrawing, who: str) -> dict[str, Any]:
    content = format_drawing(drawing)
    del content["id"]
    return {
        "symbol": symbol,
        "drawing_id": drawing.drawing_id,
        "content": json.dumps(content, allow_nan=False),
        "changed_by": shorten_text(who, _MAX_AUTHOR - 1),
        "changed_at": now_ms(),
    }


@contextmanager
def _report_invalid(row: Any) -> Iterator[None]:
    """Leave out a row of another program or a later version, which must not hide the others."""
    try:
        yield
    except (WrongUse, ValueError, TypeError) as error:
        _logger.warning("drawing %s of %s cannot be shown: %s", row.drawing_id, row.symbol, error)


def _parse_row(row: Any) -> ChartDrawing:
    return parse_drawing({"id": row.drawing_id, **json.loads(row.content)})

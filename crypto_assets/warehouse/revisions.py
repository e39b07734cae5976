"""The record of candles that a later fetch changed: old and new values, and both sources."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, delete, insert, select

from crypto_assets.market.candles import Candle
from crypto_assets.market.clock import Window
from crypto_assets.warehouse.database import Database
from crypto_assets.warehouse.dialect import is_sqlite
from crypto_assets.warehouse.schema import VALUE_COLUMNS, kline_revisions
from crypto_assets.warehouse.symbols import Symbols

_table = kline_revisions

Values = tuple[Any, ...]
Fetch = tuple[int, str]


@dataclass(frozen=True)
class Revision:
    """One change of one candle; `noted_at` is when the warehouse learned of it (epoch ms)."""

    symbol: str
    open_time: int
    old: Candle
    old_fetched_at: int
    old_source: str
    new: Candle
    new_fetched_at: int
    new_source: str
    noted_at: int


class Revisions:
    def __init__(self, database: Database, symbols: Symbols) -> None:
        self._database = database
        self._symbols = symbols

    def list(
        self, symbol: str | None = None, window: Window | None = None, limit: int = 1000
    ) -> list[Revision]:
        """Of one symbol by open time, of all symbols the last noted first."""
        names = {s.symbol_id: s.name for s in self._symbols.all()}
        statement = select(_table).limit(limit)
        if symbol is None:
            order = (_table.c.noted_at.desc(), _table.c.revision_id.desc())
            statement = statement.order_by(*order)
        else:
            statement = statement.where(_table.c.symbol_id == self._symbols.id_of(symbol))
            statement = statement.order_by(_table.c.open_time, _table.c.new_fetched_at)
        if window:
            statement = statement.where(
                _table.c.open_time >= window.start_ms, _table.c.open_time < window.end_ms
            )
        rows = self._database.read(lambda c: c.execute(statement).all())
        return [_revision(names[row.symbol_id], row._asdict()) for row in rows]


def note(
    connection: Connection,
    symbol_id: int,
    versions: pa.Table,
    contested: frozenset[int],
    now: int,
) -> None:
    """Brings the record up to what a load's versions, incoming and held, say of its minutes.

    Of each minute every distinct version is kept with its latest fetch; in the order of these
    fetches each is a revision of the one before. So the record too ends the same in any order.
    """
    known = _recorded(connection, symbol_id, versions)
    touched = contested | known.keys()
    if not touched:
        return
    exact = not is_sqlite(connection)
    found: defaultdict[int, dict[Values, Fetch]] = defaultdict(dict)
    for version in _rows_at(versions, touched):
        _keep(found[version["open_time"]], version, "", exact)
    for open_time, rows in known.items():
        for row in rows:
            _keep(found[open_time], row, "old_", exact)
            _keep(found[open_time], row, "new_", exact)
    for open_time in sorted(touched):
        chain = _chain(found[open_time])
        _store(connection, symbol_id, open_time, chain, known.get(open_time, []), now)


def _recorded(
    connection: Connection, symbol_id: int, versions: pa.Table
) -> dict[int, list[Mapping[str, Any]]]:
    """What stands recorded of these versions' minutes."""
    times = versions["open_time"]
    statement = select(_table).where(
        _table.c.symbol_id == symbol_id,
        _table.c.open_time >= pc.min(times).as_py(),
        _table.c.open_time <= pc.max(times).as_py(),
    )
    found: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
    rows = [row._asdict() for row in connection.execute(statement)]
    present = set(times.to_pylist()) if rows else set()
    for row in rows:
        if row["open_time"] in present:
            found[row["open_time"]].append(row)
    return dict(found)


def _rows_at(table: pa.Table, times: Iterable[int]) -> list[dict[str, Any]]:
    wanted = pc.is_in(table["open_time"], pa.array(sorted(times), pa.int64()))
    return list(table.filter(wanted).to_pylist())


def _keep(versions: dict[Values, Fetch], row: Mapping[str, Any], prefix: str, exact: bool) -> None:
    values = tuple(row[prefix + name] for name in VALUE_COLUMNS)
    if not exact:
        values = tuple(float(v) if isinstance(v, Decimal) else v for v in values)
    fetch = (row[f"{prefix}fetched_at"], row[f"{prefix}source"])
    versions[values] = max(fetch, versions.get(values, fetch))


def _chain(versions: dict[Values, Fetch]) -> list[dict[str, Any]]:
    """Each version but the first, beside the one that it revised."""
    in_order = sorted(versions.items(), key=lambda item: (item[1], item[0]))
    return [{**_side("old_", *old), **_side("new_", *new)} for old, new in pairwise(in_order)]


def _side(prefix: str, values: Values, fetch: Fetch) -> dict[str, Any]:
    named = {prefix + name: value for name, value in zip(VALUE_COLUMNS, values, strict=True)}
    return {**named, f"{prefix}fetched_at": fetch[0], f"{prefix}source": fetch[1]}


def _store(
    connection: Connection,
    symbol_id: int,
    open_time: int,
    chain: Sequence[dict[str, Any]],
    known: Sequence[Mapping[str, Any]],
    now: int,
) -> None:
    """Rewrites what differs; what stands keeps the time at which it was noted."""

    links = [tuple(link.items()) for link in chain]
    kept = {row["revision_id"]: link for row in known for link in links if _same(link, row)}
    gone = [row["revision_id"] for row in known if row["revision_id"] not in kept]
    added = [dict(link) for link in links if link not in kept.values()]
    if gone:
        connection.execute(delete(_table).where(_table.c.revision_id.in_(gone)))
    if added:
        key = {"symbol_id": symbol_id, "open_time": open_time, "noted_at": now}
        connection.execute(insert(_table), [{**key, **link} for link in added])


def _same(link: Iterable[tuple[str, Any]], row: Mapping[str, Any]) -> bool:
    return all(_plain(row[name]) == _plain(value) for name, value in link)


def _plain(value: Any) -> Any:
    """Comparable where the one is a double of SQLite and the other its decimal."""
    return float(value) if isinstance(value, Decimal) else value


def _revision(symbol: str, row: Mapping[str, Any]) -> Revision:
    def candle(prefix: str) -> Candle:
        values = {name: row[prefix + name] for name in VALUE_COLUMNS}
        return Candle(open_time=row["open_time"], **values)

    return Revision(
        symbol=symbol,
        open_time=row["open_time"],
        old=candle("old_"),
        old_fetched_at=row["old_fetched_at"],
        old_source=row["old_source"],
        new=candle("new_"),
        new_fetched_at=row["new_fetched_at"],
        new_source=row["new_source"],
        noted_at=row["noted_at"],
    )

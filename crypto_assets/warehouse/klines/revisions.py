"""The log of revised candles: old and new values, with the fetch and source of both."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, delete, insert, select, update

from crypto_assets.batches import iter_batches
from crypto_assets.market.candles import VALUE_COLUMNS, Candle
from crypto_assets.market.lake_object import Source
from crypto_assets.market.utc_time import Window
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import is_sqlite
from crypto_assets.warehouse.engine.schema import kline_revisions
from crypto_assets.warehouse.engine.time_filters import match_times

_table = kline_revisions
_DELETE_BATCH_ROWS = 1000

CandleValues = tuple[Any, ...]
FetchIdentity = tuple[int, str]
RevisionRow = Mapping[str, Any]


@dataclass(frozen=True)
class Revision:
    """A change of a candle's values; `noted_at` is when it was recorded (epoch ms)."""

    symbol: str
    open_time: int
    old: Candle
    old_fetched_at: int
    old_source: str
    new: Candle
    new_fetched_at: int
    new_source: str
    noted_at: int


class RevisionLog:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def move_fetch_times_back(self, after: int, ms: int) -> None:
        """Make the fetches of revisions that are later than `after` (epoch ms) earlier by `ms`."""

        def work(connection: Connection) -> None:
            for column in (_table.c.old_fetched_at, _table.c.new_fetched_at):
                later = update(_table).where(column > after)
                connection.execute(later.values({column: column - ms}))

        self._database.run_write(work)

    def list_revisions(
        self,
        symbol: str | None = None,
        window: Window | None = None,
        limit: int = 1000,
        newest: bool = False,
    ) -> list[Revision]:
        """List revisions of one symbol by open time, or of all symbols, last recorded first.

        With `newest`, a symbol's revisions descend by open time. Raises UnknownSymbol.
        """
        names = {s.symbol_id: s.name for s in self._symbols.list_all()}
        statement = select(_table).limit(limit)
        if symbol is None:
            order = (_table.c.noted_at.desc(), _table.c.revision_id.desc())
            statement = statement.order_by(*order)
        else:
            statement = statement.where(_table.c.symbol_id == self._symbols.get_id(symbol))
            times = (_table.c.open_time, _table.c.new_fetched_at)
            statement = statement.order_by(*(t.desc() if newest else t for t in times))
        if window:
            statement = statement.where(*match_times(_table.c.open_time, window))
        rows = self._database.run_read(lambda c: c.execute(statement).all())
        return [_parse_revision(names[row.symbol_id], row._asdict()) for row in rows]


def record_revisions(
    connection: Connection,
    symbol_id: int,
    versions: pa.Table,
    conflicting_times: frozenset[int],
    now: int,
) -> None:
    """Update the log with the versions of a load, incoming and stored (FETCHED_SCHEMA).

    Each distinct version of a minute is kept with its fetch of highest precedence. In the order of
    precedence each version is a revision of the one before it. The log therefore does not depend
    on the order of loading.
    """
    known = _read_recorded(connection, symbol_id, versions)
    touched = conflicting_times | known.keys()
    if not touched:
        return
    exact = not is_sqlite(connection)
    by_time: defaultdict[int, dict[CandleValues, FetchIdentity]] = defaultdict(dict)
    for version in _list_rows_at(versions, touched):
        _add_version(by_time[version["open_time"]], version, "", exact)
    for open_time, rows in known.items():
        for row in rows:
            _add_version(by_time[open_time], row, "old_", exact)
            _add_version(by_time[open_time], row, "new_", exact)
    changes = [
        _diff_revisions(known.get(open_time, []), _pair_versions(by_time[open_time]), open_time)
        for open_time in sorted(touched)
    ]
    _store_changes(connection, symbol_id, changes, now)


def _diff_revisions(
    known: Sequence[RevisionRow], revisions: Sequence[RevisionRow], open_time: int
) -> tuple[list[int], list[RevisionRow]]:
    """Return the ids of a minute's outdated rows, and the revisions without a row.

    A revision between the same two values keeps the time at which it was first recorded.
    """
    kept = [
        (row, revision)
        for row in known
        for revision in revisions
        if _is_same_revision(revision, row)
    ]
    kept_ids = {row["revision_id"] for row, _ in kept}
    recorded_at = {_comparable_values(row): row["noted_at"] for row in known}
    added: list[RevisionRow] = [
        {
            **revision,
            "open_time": open_time,
            "noted_at": recorded_at.get(_comparable_values(revision)),
        }
        for revision in revisions
        if all(revision is not other for _, other in kept)
    ]
    return [row["revision_id"] for row in known if row["revision_id"] not in kept_ids], added


def _store_changes(
    connection: Connection,
    symbol_id: int,
    changes: Sequence[tuple[list[int], list[RevisionRow]]],
    now: int,
) -> None:
    outdated = [revision_id for ids, _ in changes for revision_id in ids]
    for ids in iter_batches(outdated, _DELETE_BATCH_ROWS):
        connection.execute(delete(_table).where(_table.c.revision_id.in_(ids)))
    added = [
        {**revision, "symbol_id": symbol_id, "noted_at": revision["noted_at"] or now}
        for _, revisions in changes
        for revision in revisions
    ]
    if added:
        connection.execute(insert(_table), added)


def _read_recorded(
    connection: Connection, symbol_id: int, versions: pa.Table
) -> dict[int, list[RevisionRow]]:
    """Return the recorded revisions of these versions' minutes, by open time."""
    times = versions["open_time"]
    statement = select(_table).where(
        _table.c.symbol_id == symbol_id,
        _table.c.open_time >= pc.min(times).as_py(),
        _table.c.open_time <= pc.max(times).as_py(),
    )
    by_time: defaultdict[int, list[RevisionRow]] = defaultdict(list)
    rows = [row._asdict() for row in connection.execute(statement)]
    present = set(times.to_pylist()) if rows else set()
    for row in rows:
        if row["open_time"] in present:
            by_time[row["open_time"]].append(row)
    return dict(by_time)


def _list_rows_at(table: pa.Table, times: Iterable[int]) -> list[dict[str, Any]]:
    wanted = pc.is_in(table["open_time"], pa.array(sorted(times), pa.int64()))
    return list(table.filter(wanted).to_pylist())


def _add_version(
    versions: dict[CandleValues, FetchIdentity], row: RevisionRow, prefix: str, exact: bool
) -> None:
    values = tuple(row[prefix + name] for name in VALUE_COLUMNS)
    if not exact:
        values = tuple(float(v) if isinstance(v, Decimal) else v for v in values)
    fetch = (row[f"{prefix}fetched_at"], row[f"{prefix}source"])
    versions[values] = max(fetch, versions.get(values, fetch), key=_fetch_precedence)


def _fetch_precedence(fetch: FetchIdentity) -> tuple[int, int, str]:
    """Return a sort key: the greatest fetch counts, as in `conflict_resolution`."""
    fetched_at, source = fetch
    return Source(source).rank, fetched_at, source


def _pair_versions(versions: dict[CandleValues, FetchIdentity]) -> list[dict[str, Any]]:
    """Pair each version, except the first, with the version that it revises."""
    in_order = sorted(versions.items(), key=lambda item: (_fetch_precedence(item[1]), item[0]))
    return [
        {**_prefix_values("old_", *old), **_prefix_values("new_", *new)}
        for old, new in pairwise(in_order)
    ]


def _prefix_values(prefix: str, values: CandleValues, fetch: FetchIdentity) -> dict[str, Any]:
    named = {prefix + name: value for name, value in zip(VALUE_COLUMNS, values, strict=True)}
    return {**named, f"{prefix}fetched_at": fetch[0], f"{prefix}source": fetch[1]}


def _is_same_revision(revision: RevisionRow, row: RevisionRow) -> bool:
    return all(
        _comparable_value(row[name]) == _comparable_value(value) for name, value in revision.items()
    )


def _comparable_values(row: RevisionRow) -> CandleValues:
    return tuple(
        _comparable_value(row[side + name]) for side in ("old_", "new_") for name in VALUE_COLUMNS
    )


def _comparable_value(value: Any) -> Any:
    """Return a value that compares a double of SQLite with its decimal."""
    return float(value) if isinstance(value, Decimal) else value


def _parse_revision(symbol: str, row: RevisionRow) -> Revision:
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

"""Resolves several fetches of one minute: which one counts, and what it changes.

The source of the highest rank counts (`Source.rank`), then the later fetch; of two in one
millisecond, the one greater by source and then by values, so that any order of loading ends the
same.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.market.lake_object import Source
from crypto_assets.warehouse.engine.schema import VALUE_COLUMNS

# A candle with its provenance, in the order of fact_klines' columns.
FETCHED_SCHEMA = CANDLE_SCHEMA.append(pa.field("fetched_at", pa.int64())).append(
    pa.field("source", pa.string())
)
_PRECEDENCE_ORDER = ("open_time", "rank", "fetched_at", "source", *VALUE_COLUMNS, "held")
_SOURCE_NAMES = pa.array([source.value for source in Source], pa.string())
_SOURCE_RANKS = pa.array([source.rank for source in Source], pa.int8())


@dataclass(frozen=True)
class ResolvedVersions:
    """What a load does to the minutes it touches; all tables have the incoming's columns.

    `new` is to be inserted. `rewritten` replaces held rows: its first `changed` rows say something
    else than before, the rest was merely fetched again. `contested` are the open times of which a
    version, held or incoming, says something else than the winner.
    """

    new: pa.Table
    rewritten: pa.Table
    changed: int
    conflicting_times: frozenset[int]


def resolve_versions(incoming: pa.Table, held: pa.Table) -> ResolvedVersions:
    """Incoming versions, in any order and number, against the one that is held of each minute."""
    nothing = incoming.slice(0, 0)
    if not held.num_rows and _is_ascending(incoming["open_time"]):
        return ResolvedVersions(incoming, nothing, 0, frozenset())
    versions = pa.concat_tables(
        [
            incoming.append_column("held", pa.array([False] * incoming.num_rows, pa.bool_())),
            held.append_column("held", pa.array([True] * held.num_rows, pa.bool_())),
        ]
    )
    versions = versions.append_column("rank", rank_sources(versions["source"]))
    versions = versions.sort_by([(name, "ascending") for name in _PRECEDENCE_ORDER])
    times = versions["open_time"].combine_chunks()
    last = pc.not_equal(times[:-1], times[1:])
    winners = versions.filter(pa.concat_arrays([_combine_chunks(last), pa.array([True])]))
    of_time = pc.index_in(times, winners["open_time"].combine_chunks())
    contested = frozenset(
        times.filter(_combine_chunks(_rows_differ(versions, winners.take(of_time)))).to_pylist()
    )

    written = winners.filter(pc.invert(winners["held"])).drop_columns(["held", "rank"])
    place = pc.index_in(written["open_time"].combine_chunks(), held["open_time"].combine_chunks())
    new = written.filter(pc.is_null(place))
    known = written.filter(pc.is_valid(place))
    differs = _rows_differ(known, held.take(place.drop_null()))
    changed = known.filter(differs)
    again = known.filter(pc.invert(differs))
    return ResolvedVersions(new, pa.concat_tables([changed, again]), changed.num_rows, contested)


def rank_sources(sources: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the rank of each source, as int8."""
    return pc.take(_SOURCE_RANKS, pc.index_in(sources, _SOURCE_NAMES))


def takes_precedence(versions: pa.Table, others: pa.Table) -> pa.ChunkedArray:
    """Return, row by row, whether a version counts over the other one of its minute.

    Of two of the same fetch the first does.
    """
    ranks = rank_sources(versions["source"]), rank_sources(others["source"])
    later = pc.greater_equal(versions["fetched_at"], others["fetched_at"])
    return pc.or_(pc.greater(*ranks), pc.and_(pc.equal(*ranks), later))


def _is_ascending(times: pa.ChunkedArray) -> bool:
    flat = times.combine_chunks()
    return pc.all(pc.less(flat[:-1], flat[1:])).as_py() is not False


def _rows_differ(one: pa.Table, other: pa.Table) -> pa.ChunkedArray:
    """Row by row, whether any value is another."""
    differs = pc.not_equal(one["close"], other["close"])
    for name in VALUE_COLUMNS:
        differs = pc.or_(differs, pc.not_equal(one[name], other[name]))
    return differs


def _combine_chunks(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

"""Resolve conflicts: decide which of several fetches of a minute counts.

The source of the highest rank counts (`Source.rank`), then the later fetch. Of two fetches in one
millisecond the one with the greater source counts, then the one with the greater values. The result
therefore does not depend on the order of loading.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.market.candles import CANDLE_SCHEMA, VALUE_COLUMNS
from crypto_assets.market.lake_object import Source

# A candle with its provenance; the columns are in the order of fact_klines.
FETCHED_SCHEMA = CANDLE_SCHEMA.append(pa.field("fetched_at", pa.int64())).append(
    pa.field("source", pa.string())
)
_PRECEDENCE_ORDER = ("open_time", "rank", "fetched_at", "source", *VALUE_COLUMNS, "stored")
_SOURCE_NAMES = pa.array([source.value for source in Source], pa.string())
_SOURCE_RANKS = pa.array([source.rank for source in Source], pa.int8())


@dataclass(frozen=True)
class ResolvedVersions:
    """The rows that a load writes, in the columns of the incoming rows.

    `new` rows are inserted. `rewritten` rows replace stored ones: the values of the first `changed`
    rows differ, the others were only fetched again. `conflicting_times` holds the open times of the
    minutes whose versions, stored or incoming, have different values.
    """

    new: pa.Table
    rewritten: pa.Table
    changed: int
    conflicting_times: frozenset[int]


def resolve_versions(incoming: pa.Table, stored: pa.Table) -> ResolvedVersions:
    """Choose between incoming and stored versions, both of FETCHED_SCHEMA.

    Incoming versions may be in any order, and several of one minute; one per minute is stored.
    """
    if not stored.num_rows and _is_ascending(incoming["open_time"]):
        return ResolvedVersions(incoming, incoming.slice(0, 0), 0, frozenset())
    versions = pa.concat_tables(
        [
            incoming.append_column("stored", pa.repeat(False, incoming.num_rows)),
            stored.append_column("stored", pa.repeat(True, stored.num_rows)),
        ]
    )
    versions = versions.append_column("rank", rank_sources(versions["source"]))
    versions = versions.sort_by([(name, "ascending") for name in _PRECEDENCE_ORDER])
    times = versions["open_time"].combine_chunks()
    last = pc.not_equal(times[:-1], times[1:])
    winners = versions.filter(pa.concat_arrays([_combine_chunks(last), pa.array([True])]))
    of_time = pc.index_in(times, winners["open_time"].combine_chunks())
    differs = mask_differing_rows(versions, winners.take(of_time), VALUE_COLUMNS)
    conflicting = frozenset(times.filter(_combine_chunks(differs)).to_pylist())

    written = winners.filter(pc.invert(winners["stored"])).drop_columns(["stored", "rank"])
    place = pc.index_in(written["open_time"].combine_chunks(), stored["open_time"].combine_chunks())
    new = written.filter(pc.is_null(place))
    overwriting = written.filter(pc.is_valid(place))
    differs = mask_differing_rows(overwriting, stored.take(place.drop_null()), VALUE_COLUMNS)
    changed = overwriting.filter(differs)
    rewritten = pa.concat_tables([changed, overwriting.filter(pc.invert(differs))])
    return ResolvedVersions(new, rewritten, changed.num_rows, conflicting)


def rank_sources(sources: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the rank of each source, as int8."""
    return pc.take(_SOURCE_RANKS, pc.index_in(sources, _SOURCE_NAMES))


def takes_precedence(versions: pa.Table, others: pa.Table) -> pa.ChunkedArray:
    """Return, per row, whether the version in `versions` counts rather than the one in `others`.

    It does as well if both are of the same fetch.
    """
    ranks = rank_sources(versions["source"]), rank_sources(others["source"])
    later = pc.greater_equal(versions["fetched_at"], others["fetched_at"])
    return pc.or_(pc.greater(*ranks), pc.and_(pc.equal(*ranks), later))


def mask_differing_rows(table: pa.Table, other: pa.Table, names: Sequence[str]) -> pa.ChunkedArray:
    """Return, per row, whether the tables differ in one of the named columns."""
    return reduce(pc.or_, (pc.not_equal(table[name], other[name]) for name in names))


def _is_ascending(times: pa.ChunkedArray) -> bool:
    flat = times.combine_chunks()
    return pc.all(pc.less(flat[:-1], flat[1:])).as_py() is not False


def _combine_chunks(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

"""Reads a symbol's minutes from the lake, by the objects in the manifest."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.errors import ObjectMissing
from crypto_assets.lake import Lake, decode_klines
from crypto_assets.market.candle_validation import (
    RejectedRow,
    ValidatedRows,
    is_valid_table,
    validate_rows,
)
from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.raw_klines import table_from_json
from crypto_assets.market.utc_time import MINUTE_MS, Window, group_periods, merge_windows
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.warehouse import QuarantineRecord
from crypto_assets.warehouse.klines.conflict_resolution import FETCHED_SCHEMA, resolve_versions
from crypto_assets.warehouse.klines.load_transaction import add_provenance
from crypto_assets.warehouse.klines.nonexistent_minutes import (
    derive_nonexistent_windows,
    exclude_refused,
    find_doubtful_versions,
    find_refused_versions,
)

_ALL_TIME = Window(0, 2**62)


@dataclass(frozen=True)
class LakeMinutes:
    """The version of each minute that counts, as FETCHED_SCHEMA, ascending.

    `spans` are the windows that objects cover: a minute in them without a candle was not
    published. `candles` has no imported minutes that do not exist. `lost` are keys in the manifest
    that no lake has.
    """

    candles: pa.Table
    spans: tuple[Window, ...]
    lost: tuple[str, ...]


def read_or_forget_object(context: PipelineContext, item: LakeObject) -> bytes | None:
    """Return the body of an object that the manifest listed as not loaded.

    Returns None if the object is gone from both lakes, and then removes it from the manifest with
    a record in quarantine, unless another run has loaded it since. Raises ObjectMissing if a lake
    itself is missing.
    """
    body = find_object_body(context, item)
    if body is None:
        _drop_lost_object(context, item)
    return body


def read_unloaded_object(
    context: PipelineContext, item: LakeObject, bodies: Mapping[str, bytes]
) -> bytes | None:
    """Return the body of an object that the manifest listed as not loaded.

    From `bodies`, by key, if that has the version of the manifest: another run may have stored a
    later fetch under the same key. Otherwise reads it as `read_or_forget_object` does.
    """
    known = bodies.get(item.key)
    if known is not None and sha256(known).hexdigest() == item.sha256:
        return known
    return read_or_forget_object(context, item)


def read_lake_minutes(context: PipelineContext, symbol: str, window: Window) -> LakeMinutes:
    """Resolve the versions in the loaded objects of whole days as a load does. Raises LakeError."""
    objects = context.warehouse.lake_objects.list_in_window(symbol, ObjectKind.KLINES, window)
    tables, spans, lost, found = [FETCHED_SCHEMA.empty_table()], [], [], []
    for item in objects:
        if item.loaded_at is None:
            continue
        body = find_object_body(context, item)
        if body is None:
            lost.append(item.key)
            continue
        [rows] = validate_objects([(item, body)])
        tables.append(add_provenance(item, rows.candles))
        spans += list_known_spans(item, rows.candles)
        found.append(item)
    versions = _drop_nonexistent(context, symbol, window, pa.concat_tables(tables), found)
    candles = resolve_versions(versions, FETCHED_SCHEMA.empty_table()).new
    return LakeMinutes(candles.sort_by("open_time"), merge_windows(spans), tuple(lost))


def _drop_nonexistent(
    context: PipelineContext,
    symbol: str,
    window: Window,
    versions: pa.Table,
    objects: Sequence[LakeObject],
) -> pa.Table:
    """Return versions without those of minutes that lake or warehouse show not to exist."""
    # A verified minute rules out others also if its object has expired.
    stored = _tabulate_verified(
        context.warehouse.facts.list_times_of_source(symbol, window, Source.VERIFIED)
    )
    doubtful = find_doubtful_versions(versions, stored)
    if not doubtful.num_rows:
        return versions
    absences = [
        *derive_nonexistent_windows(objects, versions),
        *context.warehouse.facts.list_nonexistent_windows(symbol, window),
    ]
    return exclude_refused(versions, find_refused_versions(doubtful, [versions, stored], absences))


def _tabulate_verified(times: Sequence[int]) -> pa.Table:
    source = pa.repeat(Source.VERIFIED.value, len(times))
    return pa.table({"open_time": pa.array(times, pa.int64()), "source": source})


def find_object_body(context: PipelineContext, item: LakeObject) -> bytes | None:
    """Return an object's bytes, or None if no lake has it.

    Also looks in the archive lake: another run may have moved the object since the manifest was
    read. Raises LakeError.
    """
    for lake in (_find_lake(context, item.bucket), context.archive_lake):
        with suppress(ObjectMissing):
            return lake.get(item.key)
    return None


def list_known_spans(item: LakeObject, candles: pa.Table) -> list[Window]:
    """The windows that an object covers.

    An archive file covers its whole day; an import only the minutes that it has.
    """
    if item.source is Source.ARCHIVE:
        return [Window.of_day(item.day)]
    if item.source is not Source.IMPORT:
        return [item.window]
    return list(group_periods(candles["open_time"].to_pylist(), 1, MINUTE_MS - 1))


def validate_objects(objects: Sequence[tuple[LakeObject, bytes]]) -> list[ValidatedRows]:
    """Validate klines objects as `validate_object` does, all at once if every row is valid."""
    tables = [_parse_readable_rows(item, body) for item, body in objects]
    plain = [table for table in tables if table is not None]
    if plain and not is_valid_table(pa.concat_tables(plain), _ALL_TIME):
        plain.clear()
    return [
        ValidatedRows(table) if plain and table is not None else validate_object(*pair)
        for table, pair in zip(tables, objects, strict=True)
    ]


def validate_object(item: LakeObject, body: bytes) -> ValidatedRows:
    """Separate a klines object's valid candles from its rejected rows."""
    try:
        rows = decode_klines(body)
    except ValueError as error:
        return ValidatedRows(
            CANDLE_SCHEMA.empty_table(), (RejectedRow(0, [], f"not klines: {error}"),)
        )
    return validate_rows(rows, Window.of_day(item.day))


def _parse_readable_rows(item: LakeObject, body: bytes) -> pa.Table | None:
    """Parse all rows at once; None unless each is readable and of the object's day."""
    with suppress(ValueError):
        table = table_from_json(body)
        ends, day = pc.min_max(table["open_time"]).as_py(), Window.of_day(item.day)
        if ends["min"] in day and ends["max"] in day:
            return table
    return None


def _find_lake(context: PipelineContext, bucket: str) -> Lake:
    """The lake that a bucket's name in the manifest refers to."""
    return context.archive_lake if bucket == context.archive_lake.bucket else context.raw_lake


def _drop_lost_object(context: PipelineContext, item: LakeObject) -> None:
    """Remove an unloaded object that is gone from the manifest, and record it in quarantine.

    Its minutes become a gap and are fetched again. Keeps a manifest row that another run has
    changed since. Raises ObjectMissing if a lake itself is missing, for example an unmounted share.
    """
    for lake in (context.raw_lake, context.archive_lake):
        if lake.get_owner() is None:
            raise ObjectMissing(f"the lake {lake.url} has neither {item.key} nor its own marker")
    if context.warehouse.lake_objects.find_object(item.bucket, item.key) != item:
        return
    lost = QuarantineRecord(
        symbol=item.symbol,
        kind=item.kind,
        bucket=item.bucket,
        key=item.key,
        reason="the object is gone from the lake and was never loaded: removed from the manifest",
        content="",
    )
    context.warehouse.quarantine.add_records([lost])
    context.warehouse.lake_objects.forget_objects([item])

"""What the lake says of a symbol's minutes: the objects of the manifest, read again."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

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
from crypto_assets.market.utc_time import MINUTE_MS, Window, day_of, group_periods, merge_windows
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.lost_objects import drop_lost_object
from crypto_assets.warehouse.klines.conflict_resolution import FETCHED_SCHEMA, resolve_versions
from crypto_assets.warehouse.klines.load_transaction import add_provenance
from crypto_assets.warehouse.klines.nonexistent_minutes import (
    derive_nonexistent_windows,
    exclude_refused,
    find_doubtful_versions,
    find_refused_versions,
)

_EVER = Window(0, 2**62)


@dataclass(frozen=True)
class LakeMinutes:
    """Of each minute the version that counts, as FETCHED_SCHEMA, ascending.

    `spans` are the stretches of which an object knows: what is not in `candles` there was not
    published. Imported minutes that do not exist are not in `candles`. `lost` are keys that the
    manifest names and no lake holds.
    """

    candles: pa.Table
    spans: tuple[Window, ...]
    lost: tuple[str, ...]


def find_lake(platform: PipelineContext, bucket: str) -> Lake:
    """The lake that is meant by a bucket's name in the manifest."""
    return platform.archive_lake if bucket == platform.archive_lake.bucket else platform.raw_lake


def read_unloaded_object(platform: PipelineContext, item: LakeObject) -> bytes | None:
    """Return the body of an object that the manifest has just named as not loaded.

    None where another run has loaded it since, and perhaps removed it, and where it is gone from
    both lakes: then the manifest drops it, with a record in the quarantine. Raises ObjectMissing
    where a lake itself is not there.
    """
    body = find_object_body(platform, item)
    if body is None:
        drop_lost_object(platform, item)
    return body


def read_lake_minutes(platform: PipelineContext, symbol: str, window: Window) -> LakeMinutes:
    """What the loaded objects of whole days hold, by the rules of a load. Raises LakeError."""
    objects = platform.warehouse.lake_objects.list_in_window(symbol, ObjectKind.KLINES, window)
    tables, spans, lost = [FETCHED_SCHEMA.empty_table()], [], []
    speaking = []
    for item in objects:
        if item.loaded_at is None:
            continue
        body = find_object_body(platform, item)
        if body is None:
            lost.append(item.key)
            continue
        [sifted] = sift_objects([(item, body)])
        tables.append(add_provenance(item, sifted.candles))
        spans += list_known_spans(item, sifted.candles)
        speaking.append(item)
    versions = _drop_nonexistent(platform, symbol, window, pa.concat_tables(tables), speaking)
    settled = resolve_versions(versions, FETCHED_SCHEMA.empty_table()).new
    return LakeMinutes(settled.sort_by("open_time"), merge_windows(spans), tuple(lost))


def _drop_nonexistent(
    platform: PipelineContext,
    symbol: str,
    window: Window,
    versions: pa.Table,
    objects: Sequence[LakeObject],
) -> pa.Table:
    """Return versions without those of minutes that do not exist, by lake and warehouse."""
    doubtful = find_doubtful_versions(versions)
    if not doubtful.num_rows:
        return versions
    absences = derive_nonexistent_windows(
        objects
    ) + platform.warehouse.facts.list_nonexistent_windows(symbol, window)
    return exclude_refused(versions, find_refused_versions(doubtful, [versions], absences))


def find_object_body(platform: PipelineContext, item: LakeObject) -> bytes | None:
    """Return an object's bytes, None where no lake holds it.

    What another run has moved since the manifest was read is in the archive lake. Raises LakeError.
    """
    for lake in (find_lake(platform, item.bucket), platform.archive_lake):
        with suppress(ObjectMissing):
            return lake.get(item.key)
    return None


def list_known_spans(item: LakeObject, candles: pa.Table) -> list[Window]:
    """The stretches of which an object knows: a file of the archive is all of its day.

    An import knows of the minutes that it has, and of none that it lacks.
    """
    if item.source is Source.ARCHIVE:
        return [_object_day(item)]
    if item.source is not Source.IMPORT:
        return [Window(item.first_time, item.last_time + 1)]
    return list(group_periods(candles["open_time"].to_pylist(), 1, MINUTE_MS - 1))


def sift_objects(objects: Sequence[tuple[LakeObject, bytes]]) -> list[ValidatedRows]:
    """As `sift_object` of each; where no row is wrong, all are judged at once."""
    tables = [_parse_sane_table(item, body) for item, body in objects]
    plain = [table for table in tables if table is not None]
    if plain and not is_valid_table(pa.concat_tables(plain), _EVER):
        plain.clear()
    return [
        ValidatedRows(table) if plain and table is not None else sift_object(*one)
        for table, one in zip(tables, objects, strict=True)
    ]


def sift_object(item: LakeObject, body: bytes) -> ValidatedRows:
    """A klines object's rows, parted into what may enter the warehouse and what may not."""
    try:
        rows = decode_klines(body)
    except ValueError as error:
        return ValidatedRows(
            CANDLE_SCHEMA.empty_table(), (RejectedRow(0, [], f"not klines: {error}"),)
        )
    return validate_rows(rows, _object_day(item))


def _parse_sane_table(item: LakeObject, body: bytes) -> pa.Table | None:
    """The object's rows where each is readable and of its day, read all at once."""
    with suppress(ValueError):
        table = table_from_json(body)
        ends, day = pc.min_max(table["open_time"]).as_py(), _object_day(item)
        if ends["min"] in day and ends["max"] in day:
            return table
    return None


def _object_day(item: LakeObject) -> Window:
    return Window.of_day(day_of(item.first_time))

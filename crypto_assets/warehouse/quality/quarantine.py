"""The quarantine: objects and rows that failed validation, with the reason."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import Window, now_ms
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import make_upsert
from crypto_assets.warehouse.engine.schema import lake_objects, quarantine
from crypto_assets.warehouse.engine.time_filters import match_times

_CONTENT_CHARACTERS = 4000
_REASON_CHARACTERS = 500


@dataclass(frozen=True)
class QuarantineRecord:
    """An object, or one row of it, that failed validation.

    `content` is the row as the object contains it, or the beginning of the object. `open_time` is
    None where the row has none. The warehouse sets `noted_at` (epoch ms) when it stores the record.
    """

    symbol: str
    kind: ObjectKind
    bucket: str
    key: str
    reason: str
    content: str
    open_time: int | None = None
    noted_at: int = 0


class Quarantine:
    """The records, always of the primary: the user of charts cannot read them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_records(self, items: Sequence[QuarantineRecord]) -> None:
        """Store records; one that is already stored does not change."""
        if items:
            self._database.run_write(lambda c: store_quarantine_records(c, items))

    def list_records(self, symbol: str | None = None, limit: int = 1000) -> list[QuarantineRecord]:
        """List the records of one symbol, or of all, newest first."""
        statement = select(quarantine).limit(limit)
        if symbol is not None:
            statement = statement.where(quarantine.c.symbol == symbol)
        order = (quarantine.c.noted_at.desc(), quarantine.c.quarantine_id.desc())
        rows = self._database.run_primary_read(
            lambda c: c.execute(statement.order_by(*order)).all()
        )
        return [_parse_record(row) for row in rows]

    def list_minute_records(self, symbol: str, window: Window) -> Sequence[QuarantineRecord]:
        """List rows of klines objects that open inside a window, oldest record first."""
        statement = (
            select(quarantine)
            .where(quarantine.c.symbol == symbol, quarantine.c.kind == ObjectKind.KLINES.value)
            .where(*match_times(quarantine.c.open_time, window))
            .order_by(quarantine.c.quarantine_id)
        )
        return [
            _parse_record(row)
            for row in self._database.run_primary_read(lambda c: c.execute(statement).all())
        ]

    def count_by_reason(self, symbol: str, noted_from: int) -> dict[str, int]:
        """Count a symbol's records since an instant (epoch ms), by reason."""
        recent = quarantine.c.symbol == symbol, quarantine.c.noted_at >= noted_from
        reason = quarantine.c.reason
        statement = select(reason, func.count()).where(*recent).group_by(reason).order_by(reason)
        rows = self._database.run_primary_read(lambda c: c.execute(statement).all())
        return {text: count for text, count in rows}

    def has_objects(self, symbol: str, kind: ObjectKind, window: Window) -> bool:
        """Return whether an object that starts in a window, or a row of it, is quarantined."""
        objects = lake_objects.c
        statement = (
            select(quarantine.c.quarantine_id)
            .join(
                lake_objects,
                and_(objects.bucket == quarantine.c.bucket, objects.key == quarantine.c.key),
            )
            .where(objects.symbol == symbol, objects.kind == kind.value)
            .where(*match_times(objects.first_time, window))
            .limit(1)
        )
        return self._database.run_primary_read(lambda c: c.execute(statement).first()) is not None

    def count_records(self) -> int:
        statement = select(func.count()).select_from(quarantine)
        return self._database.run_primary_read(lambda c: c.execute(statement).scalar_one())


def store_quarantine_records(connection: Connection, items: Sequence[QuarantineRecord]) -> None:
    """Store records as part of a transaction; one that is already stored does not change."""
    statement = make_upsert(
        connection, quarantine, ["fingerprint"], lambda new: [("fingerprint", new.fingerprint)]
    )
    if items:
        connection.execute(statement, [_make_row(item) for item in items])


def _parse_record(row: Row[Any]) -> QuarantineRecord:
    return QuarantineRecord(
        row.symbol,
        ObjectKind(row.kind),
        row.bucket,
        row.key,
        row.reason,
        row.content,
        row.open_time,
        row.noted_at,
    )


def _make_row(item: QuarantineRecord) -> dict[str, object]:
    reason, content = item.reason[:_REASON_CHARACTERS], item.content[:_CONTENT_CHARACTERS]
    identity = "\0".join((item.bucket, item.key, str(item.open_time), reason, content))
    return {
        **asdict(item),
        "kind": item.kind.value,
        "reason": reason,
        "content": content,
        "noted_at": item.noted_at or now_ms(),
        "fingerprint": hashlib.sha256(identity.encode()).hexdigest(),
    }

"""What broke the rules: set aside with the reason, and shown."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import Window, now_ms
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import upsert
from crypto_assets.warehouse.engine.schema import lake_objects, quarantine

_CONTENT_CHARACTERS = 4000
_REASON_CHARACTERS = 500


@dataclass(frozen=True)
class Quarantined:
    """An object, or one row of it, that failed validation.

    `content` is the row as it stands in the object, or the object's beginning; `open_time` is set
    where the row has one. `noted_at` (epoch ms) is the warehouse's to fill.
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
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, items: Sequence[Quarantined]) -> None:
        """Notes each once, however often it is found."""
        if items:
            self._database.write(lambda c: quarantine_rows(c, items))

    def list(self, symbol: str | None = None, limit: int = 1000) -> list[Quarantined]:
        """Newest first."""
        statement = select(quarantine).limit(limit)
        if symbol is not None:
            statement = statement.where(quarantine.c.symbol == symbol)
        order = (quarantine.c.noted_at.desc(), quarantine.c.quarantine_id.desc())
        rows = self._database.read(lambda c: c.execute(statement.order_by(*order)).all())
        return [_read(row) for row in rows]

    def of_minutes(self, symbol: str, window: Window) -> Sequence[Quarantined]:
        """Rows of klines objects whose open time lies in a window, oldest record first."""
        opened = quarantine.c.open_time
        statement = (
            select(quarantine)
            .where(quarantine.c.symbol == symbol, quarantine.c.kind == ObjectKind.KLINES.value)
            .where(opened >= window.start_ms, opened < window.end_ms)
            .order_by(quarantine.c.quarantine_id)
        )
        return [
            _read(row) for row in self._database.read_primary(lambda c: c.execute(statement).all())
        ]

    def count_by_reason(self, symbol: str, noted_from: int) -> dict[str, int]:
        """Return how many were noted of a symbol from an instant (epoch ms) on, by reason."""
        noted = quarantine.c.symbol == symbol, quarantine.c.noted_at >= noted_from
        reason = quarantine.c.reason
        statement = select(reason, func.count()).where(*noted).group_by(reason).order_by(reason)
        rows = self._database.read_primary(lambda c: c.execute(statement).all())
        return {found: count for found, count in rows}

    def holds_objects(self, symbol: str, kind: ObjectKind, window: Window) -> bool:
        """Whether any of the manifest's objects that begin in a window is quarantined."""
        objects = lake_objects.c
        statement = (
            select(quarantine.c.quarantine_id)
            .join(
                lake_objects,
                and_(objects.bucket == quarantine.c.bucket, objects.key == quarantine.c.key),
            )
            .where(objects.symbol == symbol, objects.kind == kind.value)
            .where(objects.first_time >= window.start_ms, objects.first_time < window.end_ms)
            .limit(1)
        )
        return self._database.read_primary(lambda c: c.execute(statement).first()) is not None

    def count(self) -> int:
        statement = select(func.count()).select_from(quarantine)
        return self._database.read(lambda c: c.execute(statement).scalar_one())


def quarantine_rows(connection: Connection, items: Sequence[Quarantined]) -> None:
    """Record each once, as part of a transaction."""
    statement = upsert(
        connection, quarantine, ["fingerprint"], lambda new: [("fingerprint", new.fingerprint)]
    )
    if items:
        connection.execute(statement, [_row(item) for item in items])


def _read(row: Row[Any]) -> Quarantined:
    return Quarantined(
        row.symbol,
        ObjectKind(row.kind),
        row.bucket,
        row.key,
        row.reason,
        row.content,
        row.open_time,
        row.noted_at,
    )


def _row(item: Quarantined) -> dict[str, object]:
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

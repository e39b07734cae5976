"""Settings that users change at runtime, with an audit log, and permanent claims of a warehouse.

A claim (`claimed.…`) binds the warehouse to an exchange, a market, a partition unit and a start
date. A state (`state.…`) is where the pipeline's own maintenance continues.
"""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Column, Connection, String, delete, insert, select

from crypto_assets.errors import ForeignExchange, WrongUse
from crypto_assets.foreign_text import shorten_text
from crypto_assets.market.exchange_name import shorten_exchange_name
from crypto_assets.market.utc_time import now_ms
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import app_settings, audit_log
from crypto_assets.warehouse.engine.setting_rows import (
    delete_setting,
    insert_setting,
    read_setting,
    store_setting,
)

INGEST_INTERVAL = "ingest_interval_minutes"
ORDER_BOOK_INTERVAL = "order_book_interval_minutes"
_EXCHANGE = "claimed.exchange"
_MARKET = "claimed.market"
_PARTITION_UNIT = "claimed.partition_unit"
_START_DATE = "claimed.start_date"

# Replaces a secret in the audit log.
SECRET_MASK = "\N{BULLET}" * 6
_MAX_CHANGES = 10_000
# Marks a missing setting, since None is a valid value: a bound that a user has removed.
_NO_VALUE = object()


@dataclass(frozen=True)
class Author:
    """Who makes a change, and the address of the client from which the request came."""

    name: str
    address: str = ""


# Where there is no client, the name is enough.
AuthorOrName = Author | str


@dataclass(frozen=True)
class SettingChange:
    """An entry of the audit log: JSON values before and after, None where the setting was unset.

    `changed_at` is in epoch ms. SECRET_MASK replaces a secret. `address` is that of the client,
    None if unknown.
    """

    changed_at: int
    who: str
    name: str
    old: Any
    new: Any
    address: str | None = None


class AppSettings:
    """The settings and their log, always of the primary: the user of charts cannot read them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_value(self, name: str, default: Any = None) -> Any:
        """Return the value that `put_value` stored, read from the primary, or the default."""
        return self._database.run_primary_read(lambda c: read_setting(c, name, default))

    def get_ingest_interval(self, default: int) -> int:
        """Return the minutes between ingest ticks: what a user set, else `default`."""
        return int(self.get_value(INGEST_INTERVAL, default))

    def get_order_book_interval(self, default: int) -> int:
        """Return the minutes between order book ticks: what a user set, else `default`."""
        return int(self.get_value(ORDER_BOOK_INTERVAL, default))

    def get_all_values(self) -> dict[str, Any]:
        """Return every setting by its name, including claims, but no state."""
        statement = (
            select(app_settings.c.name, app_settings.c.value)
            .where(app_settings.c.name.not_like("state.%"))
            .order_by(app_settings.c.name)
        )
        rows = self._database.run_primary_read(lambda c: c.execute(statement).all())
        return {row.name: json.loads(row.value) for row in rows}

    def put_value(self, name: str, value: Any, who: AuthorOrName, *, secret: bool = False) -> None:
        """Store a JSON value, and record who changed it; an equal value changes nothing."""
        self._database.run_write(lambda c: _write_value(c, name, value, who, secret=secret))

    def reset_value(self, name: str, who: AuthorOrName, *, secret: bool = False) -> None:
        """Delete the value that `put_value` stored, so that the default applies again."""
        self._database.run_write(lambda c: _delete_value(c, name, who, secret=secret))

    def get_state(self, name: str) -> Any:
        """Return what `put_state` stored under a name, None without it."""
        return self.get_value(name)

    def put_state(self, name: str, value: Any) -> None:
        """Store a JSON value that no user sets: the audit log does not record it."""
        self._database.run_write(lambda c: store_setting(c, name, value))

    def record_change(self, name: str, old: Any, new: Any, who: AuthorOrName) -> None:
        """Record in the audit log what a person changed elsewhere: a symbol, a schedule."""
        at = now_ms()

        def work(connection: Connection) -> None:
            if not _is_recorded(connection, name, who, at):
                _record_change(connection, name, old, new, who, changed_at=at)

        self._database.run_write(work)

    def list_changes(self, limit: int = 100) -> list[SettingChange]:
        """List changes, newest first; the audit log keeps the last 10,000."""
        statement = (
            select(audit_log)
            .order_by(audit_log.c.changed_at.desc(), audit_log.c.audit_id.desc())
            .limit(limit)
        )
        rows = self._database.run_primary_read(lambda c: c.execute(statement).all())
        return [
            SettingChange(
                r.changed_at,
                r.who,
                r.name,
                _parse_value(r.old_value),
                _parse_value(r.new_value),
                r.address,
            )
            for r in rows
        ]

    def get_exchange(self) -> str | None:
        """Return the exchange to which the warehouse is bound, None before the first claim."""
        name = self.get_value(_EXCHANGE)
        return None if name is None else str(name)

    def get_market(self) -> str:
        """Return the further market to which the warehouse is bound, "" for the default market."""
        return str(self.get_value(_MARKET, ""))

    def claim_exchange(self, identity: str, renaming: str | None = None) -> None:
        """Bind the warehouse to one exchange. Raises ForeignExchange if it is bound to another.

        `renaming` is the former name of the same exchange, which `identity` replaces.
        """

        def work(connection: Connection) -> str:
            claimed = _claim_once(connection, _EXCHANGE, identity)
            if claimed != renaming:
                return claimed
            store_setting(connection, _EXCHANGE, identity)
            return identity

        claimed = self._database.run_write(work)
        if claimed != identity:
            raise ForeignExchange(
                f"the warehouse contains data of {shorten_exchange_name(claimed)}, "
                f"not of {shorten_exchange_name(identity)}: "
                "use another warehouse, or its exchange"
            )

    def claim_market(self, name: str) -> None:
        """Bind a new warehouse to a further market.

        Raises WrongUse if it is bound to another one, or to an exchange without a market: then it
        is that of a home.
        """

        def work(connection: Connection) -> str:
            if read_setting(connection, _EXCHANGE, None) is None:
                return _claim_once(connection, _MARKET, name)
            return str(read_setting(connection, _MARKET, ""))

        claimed = self._database.run_write(work)
        if claimed != name:
            owner = f"the market {claimed}" if claimed else "the default market of a home"
            raise WrongUse(
                f"the warehouse belongs to {owner}: the market {name} needs one of its own"
            )

    def claim_partition_unit(self, unit: str) -> None:
        """Bind the warehouse to a partition unit. Raises WrongUse if it is bound to another."""
        claimed = self._database.run_write(lambda c: _claim_once(c, _PARTITION_UNIT, unit))
        if claimed != unit:
            raise WrongUse(
                f"the warehouse was set up with {self._database.names.partition_unit}={claimed}, "
                f"which cannot be changed to {unit}"
            )

    def claim_start_date(self, day: date) -> None:
        """Set the start date, or move it earlier. Raises WrongUse for a later day."""

        def work(connection: Connection) -> str:
            claimed = _claim_once(connection, _START_DATE, day.isoformat())
            if day.isoformat() < claimed:
                _write_value(connection, _START_DATE, day.isoformat(), who="init")
            return claimed

        claimed = self._database.run_write(work)
        if day.isoformat() > claimed:
            raise WrongUse(
                f"{self._database.names.start_date} can only be moved earlier: it is {claimed}, "
                f"not {day}"
            )


def _claim_once(connection: Connection, name: str, value: str) -> str:
    """Store a value unless the setting has one; return the stored value."""
    insert_setting(connection, name, value)
    return str(read_setting(connection, name, value, lock=True))


def _write_value(
    connection: Connection, name: str, value: Any, who: AuthorOrName, *, secret: bool = False
) -> None:
    old, new = read_setting(connection, name, _NO_VALUE, lock=True), json.loads(json.dumps(value))
    if old == new:
        return
    store_setting(connection, name, new)
    _record_change(connection, name, None if old is _NO_VALUE else old, new, who, secret=secret)


def _delete_value(connection: Connection, name: str, who: AuthorOrName, *, secret: bool) -> None:
    old = read_setting(connection, name, None, lock=True)
    if delete_setting(connection, name):
        _record_change(connection, name, old, None, who, secret=secret)


def _is_recorded(connection: Connection, name: str, who: AuthorOrName, changed_at: int) -> bool:
    """Return whether the log has the entry: a lost confirmation of a commit repeats the work."""
    entry = audit_log.c
    same = (
        entry.changed_at == changed_at,
        entry.name == _fit(name, entry.name),
        entry.who == _as_author(who).name,
    )
    return connection.execute(select(entry.audit_id).where(*same)).first() is not None


def _record_change(
    connection: Connection,
    name: str,
    old: Any,
    new: Any,
    who: AuthorOrName,
    *,
    secret: bool = False,
    changed_at: int | None = None,
) -> None:
    author = _as_author(who)
    result = connection.execute(
        insert(audit_log),
        {
            "changed_at": now_ms() if changed_at is None else changed_at,
            "who": author.name,
            "address": author.address or None,
            "name": _fit(name, audit_log.c.name),
            "old_value": _dump_value(old, secret),
            "new_value": _dump_value(new, secret),
        },
    )
    (newest_id,) = result.inserted_primary_key or (0,)
    connection.execute(delete(audit_log).where(audit_log.c.audit_id <= newest_id - _MAX_CHANGES))


def _as_author(who: AuthorOrName) -> Author:
    """Return an author whose texts fit the columns: a long name must not prevent a change."""
    author = Author(who) if isinstance(who, str) else who
    return Author(_fit(author.name, audit_log.c.who), _fit(author.address, audit_log.c.address))


def _fit(text: str, column: Column[Any]) -> str:
    """Return a text as one printable line, cut to the width of a column."""
    width = column.type.length if isinstance(column.type, String) else None
    return text if width is None else shorten_text(text, width - 1)


def _dump_value(value: Any, secret: bool) -> str | None:
    return None if value is None else json.dumps(SECRET_MASK if secret and value else value)


def _parse_value(text: str | None) -> Any:
    return None if text is None else json.loads(text)

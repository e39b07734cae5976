"""The rows of `app_settings`: a name and a JSON value each."""

import json
from typing import Any

from sqlalchemy import Connection, delete, select

from crypto_assets.market.utc_time import now_ms
from crypto_assets.warehouse.engine.dialect import make_upsert
from crypto_assets.warehouse.engine.schema import app_settings


def read_setting(
    connection: Connection, name: str, default: Any = None, *, lock: bool = False
) -> Any:
    """Return the value of a name, or the default; `lock` until the end of the transaction."""
    statement = select(app_settings.c.value).where(app_settings.c.name == name)
    text = connection.execute(statement.with_for_update() if lock else statement).scalar()
    return default if text is None else json.loads(text)


def insert_setting(connection: Connection, name: str, value: Any) -> None:
    """Store the value of a name, unless it has one."""
    statement = make_upsert(connection, app_settings, ["name"], lambda new: [("name", new.name)])
    row = {"name": name, "value": json.dumps(value), "changed_at": now_ms()}
    connection.execute(statement, row)


def store_setting(connection: Connection, name: str, value: Any) -> None:
    """Store the value of a name, in place of its former one."""
    statement = make_upsert(
        connection,
        app_settings,
        ["name"],
        lambda new: [("value", new.value), ("changed_at", new.changed_at)],
    )
    row = {"name": name, "value": json.dumps(value), "changed_at": now_ms()}
    connection.execute(statement, row)


def delete_setting(connection: Connection, name: str) -> bool:
    """Delete the value of a name; return whether it had one."""
    return connection.execute(delete(app_settings).where(app_settings.c.name == name)).rowcount > 0

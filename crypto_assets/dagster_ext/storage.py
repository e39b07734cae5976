"""Dagster's MySQL storage with pooled connections, and with the options of the warehouse's URL.

Dagster's own storage opens a connection for each call. With TLS that takes ten times as much
processor time as the call itself.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

import dagster as dg
from dagster_mysql import (
    DagsterMySQLStorage,
    MySQLEventLogStorage,
    MySQLRunStorage,
    MySQLScheduleStorage,
)

from crypto_assets.dagster_ext.private_api import PrivatePart, require_private_parts
from crypto_assets.dagster_ext.storage_retries import RetryingConnections, RetryingEventLog
from crypto_assets.settings import get_settings
from crypto_assets.warehouse.engine.error_translation import translate_storage_errors
from crypto_assets.warehouse.engine.mysql_connections import open_storage_engine

# The classes are public, their arguments and attributes are not documented. No request for
# connection options was found in Dagster's issues. Checked here, because the package takes long to
# import.
_STORAGE_CLASSES = ("MySQLRunStorage", "MySQLEventLogStorage", "MySQLScheduleStorage")
require_private_parts(
    [
        PrivatePart(
            "dagster_mysql",
            "DagsterMySQLStorage.from_config_value",
            "the options of Dagster's MySQL connection",
            parameters=("inst_data", "config_value"),
        ),
        *(
            PrivatePart(
                "dagster_mysql",
                name,
                "the pooled connections of Dagster's MySQL storage",
                "https://github.com/dagster-io/dagster/issues/3719",
                parameters=("mysql_url",),
            )
            for name in _STORAGE_CLASSES
        ),
        *(
            PrivatePart(
                "dagster_mysql", method, "waiting for Dagster's database", parameters=("self",)
            )
            for method in (
                "MySQLEventLogStorage._connect",
                "MySQLRunStorage.connect",
                "MySQLScheduleStorage.connect",
            )
        ),
        PrivatePart(
            "dagster_mysql",
            "MySQLEventLogStorage.store_event",
            "waiting for Dagster's database",
            parameters=("self", "event"),
        ),
    ]
)


class _SharedEngine:
    """Makes a storage use the process's engine in place of one of its own.

    Dagster's classes assign an engine to `_engine`, which has not connected by then, and take every
    connection from it.
    """

    mysql_url: str

    @property
    def _engine(self) -> Any:
        return open_storage_engine(self.mysql_url, _get_options(), "DAGSTER_MYSQL_OPTIONS")

    @_engine.setter
    def _engine(self, engine: Any) -> None:
        pass


class _PooledRunStorage(RetryingConnections, _SharedEngine, MySQLRunStorage):
    pass


class _PooledEventLogStorage(RetryingEventLog, _SharedEngine, MySQLEventLogStorage):
    pass


class _PooledScheduleStorage(RetryingConnections, _SharedEngine, MySQLScheduleStorage):
    pass


class MySQLStorage(DagsterMySQLStorage):
    """Dagster's storage, with its fields in dagster.yaml, plus DAGSTER_MYSQL_OPTIONS.

    It uses the warehouse's driver instead of Dagster's, and a pool for all calls of a process. In
    the process of a run it waits for its database.
    """

    def __init__(self, mysql_url: str, inst_data: Any = None) -> None:
        self.mysql_url = mysql_url
        self._inst_data = inst_data
        self._run_storage = _PooledRunStorage(mysql_url)
        self._event_log_storage = _PooledEventLogStorage(mysql_url)
        self._schedule_storage = _PooledScheduleStorage(mysql_url)
        # Without that of DagsterMySQLStorage, which would open its own storages.
        super(DagsterMySQLStorage, self).__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def config_type(cls) -> Any:
        """Return Dagster's fields; `password` is optional, and then is DAGSTER_MYSQL_PASSWORD."""
        required = dict.fromkeys(("username", "hostname", "db_name"), dg.StringSource)
        optional = {
            "password": dg.Field(dg.StringSource, is_required=False),
            "port": dg.Field(dg.IntSource, is_required=False, default_value=3306),
        }
        fields = {"mysql_url": dg.StringSource, "mysql_db": {**required, **optional}}
        return dg.Selector(fields)  # type: ignore[no-untyped-call]

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> "MySQLStorage":
        """Open the storage.

        Raises WrongUse for invalid options, OrchestratorError if the server refuses to connect.
        """
        url = build_mysql_url(config_value)
        with translate_storage_errors(url, _get_options()):
            return cls(url, inst_data)


def _get_options() -> str:
    return get_settings().dagster_mysql_options.get_secret_value()


def build_mysql_url(config: Mapping[str, Any]) -> str:
    """Build the URL of the storage's fields in dagster.yaml: `mysql_url` or `mysql_db`."""
    if url := config.get("mysql_url"):
        return str(url)
    server = config["mysql_db"]
    password = server.get("password") or get_settings().dagster_mysql_password.get_secret_value()
    login = f"{server['username']}:{quote_plus(password)}"
    place = f"{server['hostname']}:{server['port']}/{server['db_name']}"
    return f"mysql+pymysql://{login}@{place}"

"""Dagster's MySQL storage with the connection options of the warehouse's URL, such as TLS."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from dagster_mysql import (
    DagsterMySQLStorage,
    MySQLEventLogStorage,
    MySQLRunStorage,
    MySQLScheduleStorage,
)

from crypto_assets.dagster_ext.private_api import PrivatePart, require_private_parts
from crypto_assets.dagster_ext.storage_patience import PatientConnections, PatientEventLog
from crypto_assets.settings import get_settings
from crypto_assets.warehouse.engine.error_translation import translate_storage_errors
from crypto_assets.warehouse.engine.mysql_options import add_mysql_options

# The class is public, its arguments are not documented. No request for connection options was found
# in Dagster's issues. Checked here, because the package takes long to import.
require_private_parts(
    [
        PrivatePart(
            "dagster_mysql",
            "DagsterMySQLStorage",
            "the options of Dagster's MySQL connection",
            parameters=("mysql_url", "inst_data"),
        ),
        PrivatePart(
            "dagster_mysql",
            "DagsterMySQLStorage.from_config_value",
            "the options of Dagster's MySQL connection",
            parameters=("inst_data", "config_value"),
        ),
        *(
            PrivatePart(
                "dagster_mysql", name, "waiting for Dagster's database", parameters=("mysql_url",)
            )
            for name in ("MySQLEventLogStorage", "MySQLRunStorage", "MySQLScheduleStorage")
        ),
        *(
            PrivatePart(
                "dagster_mysql",
                method,
                "waiting for Dagster's database",
                parameters=("self",),
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
        PrivatePart(
            "dagster_mysql.utils", "DagsterMySQLException", "waiting for Dagster's database"
        ),
    ]
)


class _PatientRunStorage(PatientConnections, MySQLRunStorage):
    pass


class _PatientEventLogStorage(PatientEventLog, MySQLEventLogStorage):
    pass


class _PatientScheduleStorage(PatientConnections, MySQLScheduleStorage):
    pass


class MySQLStorage(DagsterMySQLStorage):
    """Dagster's storage, with its fields in dagster.yaml, plus DAGSTER_MYSQL_OPTIONS.

    It uses the warehouse's driver instead of Dagster's. In the process of a run it waits for its
    database.
    """

    def __init__(self, mysql_url: str, inst_data: Any = None) -> None:
        self.mysql_url = mysql_url
        self._inst_data = inst_data
        self._run_storage = _PatientRunStorage(mysql_url)
        self._event_log_storage = _PatientEventLogStorage(mysql_url)
        self._schedule_storage = _PatientScheduleStorage(mysql_url)
        # Without that of DagsterMySQLStorage, which would open its own storages.
        super(DagsterMySQLStorage, self).__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> "MySQLStorage":
        """Open the storage.

        Raises WrongUse for invalid options, OrchestratorError if the server refuses to connect.
        """
        options = get_settings().dagster_mysql_options.get_secret_value()
        url = add_mysql_options(build_mysql_url(config_value), options, "DAGSTER_MYSQL_OPTIONS")
        with translate_storage_errors(url):
            return cls(url, inst_data)


def build_mysql_url(config: Mapping[str, Any]) -> str:
    """Build the URL of the storage's fields in dagster.yaml: `mysql_url` or `mysql_db`."""
    if url := config.get("mysql_url"):
        return str(url)
    server = config["mysql_db"]
    login = f"{server['username']}:{quote_plus(server['password'])}"
    place = f"{server['hostname']}:{server['port']}/{server['db_name']}"
    return f"mysql+mysqlconnector://{login}@{place}"

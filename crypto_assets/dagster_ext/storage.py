"""Dagster's MySQL storage with the connection options of the warehouse's URL, such as TLS."""

from typing import Any

# The type of an argument that every storage class of Dagster takes.
from dagster._serdes import ConfigurableClassData
from dagster_mysql import DagsterMySQLStorage
from dagster_mysql.utils import mysql_url_from_config

from crypto_assets.settings import get_settings
from crypto_assets.warehouse.engine.error_translation import translate_storage_errors
from crypto_assets.warehouse.engine.mysql_options import add_mysql_options


class MySQLStorage(DagsterMySQLStorage):
    """Dagster's storage, with its fields in dagster.yaml, plus DAGSTER_MYSQL_OPTIONS.

    It uses the warehouse's driver instead of Dagster's.
    """

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "MySQLStorage":
        """Open the storage.

        Raises WrongUse for invalid options, OrchestratorError if the server refuses to connect.
        """
        options = get_settings().dagster_mysql_options.get_secret_value()
        url = add_mysql_options(
            mysql_url_from_config(config_value), options, "DAGSTER_MYSQL_OPTIONS"
        )
        with translate_storage_errors(url):
            return cls(url, inst_data)

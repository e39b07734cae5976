"""Dagster's storage in MySQL, by the options that the warehouse's URL takes too: TLS above all."""

from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_mysql import DagsterMySQLStorage
from dagster_mysql.utils import mysql_url_from_config

from crypto_assets.settings import get_settings
from crypto_assets.warehouse.engine.error_translation import translate_storage_errors
from crypto_assets.warehouse.engine.mysql_options import add_mysql_options


class MySQLStorage(DagsterMySQLStorage):
    """Dagster's own storage and fields in dagster.yaml, and DAGSTER_MYSQL_OPTIONS.

    Without options it connects as Dagster does, by another driver.
    """

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "MySQLStorage":
        """Raises WrongUse for options that cannot be, OrchestratorError where nobody is let in."""
        options = get_settings().dagster_mysql_options.get_secret_value()
        url = add_mysql_options(
            mysql_url_from_config(config_value), options, "DAGSTER_MYSQL_OPTIONS"
        )
        with translate_storage_errors(url):
            return cls(url, inst_data)

"""Alias: `dagster.yaml` files of earlier versions refer to the storage by this path."""

from crypto_assets.dagster_ext.storage import MySQLStorage

__all__ = ["MySQLStorage"]

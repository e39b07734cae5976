"""Alias: `dagster.yaml` files of earlier versions name the storage here."""

from crypto_assets.dagster_ext.storage import MySQLStorage

__all__ = ["MySQLStorage"]

"""The warehouse: facts, aggregates and ledgers in SQLite, MySQL or MariaDB, from one SQL."""

from crypto_assets.warehouse.warehouse import Warehouse

__all__ = ["Warehouse"]

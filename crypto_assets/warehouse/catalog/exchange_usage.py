"""What runs have used of the exchange's rate limit, by run class."""

import json
from dataclasses import asdict

from sqlalchemy import Connection, select

from crypto_assets.market.exchange_usage import ExchangeUsage
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import app_settings
from crypto_assets.warehouse.engine.setting_rows import insert_setting, read_setting, store_setting

_PREFIX = "state.exchange_usage."


class ExchangeUsageTotals:
    """One row per run class, on the primary; the figures only grow."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_usage(self, run_class: str, usage: ExchangeUsage) -> None:
        """Add what a run has used. If the confirmation of a commit is lost, it is added twice."""
        name = f"{_PREFIX}{run_class}"

        def work(connection: Connection) -> None:
            # A row that does not exist cannot be locked.
            insert_setting(connection, name, {})
            before = ExchangeUsage(**read_setting(connection, name, lock=True))
            store_setting(connection, name, asdict(before + usage))

        self._database.run_write(work)

    def read_totals(self) -> dict[str, ExchangeUsage]:
        """Return what all runs have used, by run class."""
        statement = select(app_settings.c.name, app_settings.c.value).where(
            app_settings.c.name.like(f"{_PREFIX}%")
        )
        rows = self._database.run_primary_read(lambda c: c.execute(statement).all())
        return {
            row.name.removeprefix(_PREFIX): ExchangeUsage(**json.loads(row.value)) for row in rows
        }

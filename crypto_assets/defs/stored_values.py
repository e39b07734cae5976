"""What the definitions of a market depend on and its warehouse stores.

Dagster takes it when it loads the definitions: reload the code location after a change.
"""

from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import date
from threading import Thread

from crypto_assets.dagster_ext.definitions_load import is_loaded_for_run
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import day_of
from crypto_assets.settings import Settings
from crypto_assets.warehouse import Warehouse
from crypto_assets.wiring import open_warehouse

_READ_SECONDS = 3


@dataclass(frozen=True)
class StoredValues:
    """The intervals in force, in minutes, and the UTC day of the first order book, if any."""

    ingest_minutes: int
    order_book_minutes: int
    first_book_day: date | None = None


def read_stored_values(settings: Settings) -> StoredValues:
    """Return the values of the warehouse.

    Returns those of the environment in a run, which needs none of them and must not wait for the
    warehouse of another market; also if the warehouse cannot be read, as before `init`, or does not
    respond within some seconds: a database that is down must not delay the loading of definitions.
    """
    defaults = StoredValues(settings.ingest_interval_minutes, settings.order_book_interval_minutes)
    if is_loaded_for_run():
        return defaults
    found = [defaults]

    def read() -> None:
        with (
            suppress(CryptoAssetsError, TypeError, ValueError),
            closing(open_warehouse(settings)) as warehouse,
        ):
            for read_value in _READERS:
                found.append(read_value(warehouse, found[-1]))

    reader = Thread(target=read, daemon=True)
    reader.start()
    reader.join(_READ_SECONDS)
    return found[-1]


def _read_intervals(warehouse: Warehouse, values: StoredValues) -> StoredValues:
    stored = warehouse.app_settings
    return replace(
        values,
        ingest_minutes=stored.get_ingest_interval(values.ingest_minutes),
        order_book_minutes=stored.get_order_book_interval(values.order_book_minutes),
    )


def _read_first_book(warehouse: Warehouse, values: StoredValues) -> StoredValues:
    first = warehouse.order_books.find_first_capture()
    return replace(values, first_book_day=None if first is None else day_of(first))


_READERS: tuple[Callable[[Warehouse, StoredValues], StoredValues], ...] = (
    _read_intervals,
    _read_first_book,
)

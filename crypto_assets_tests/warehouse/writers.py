"""Functions that tests run in processes of their own, to kill them or to let them compete."""

from multiprocessing.synchronize import Barrier

import pyarrow as pa

from crypto_assets.market.utc_time import DAY_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.klines.facts import KlinesBatch
from crypto_assets_tests.warehouse.minutes import FETCHED, START, batch, minutes, symbol

THREE_DAYS = Window(START, START + 3 * DAY_MS)
_meeting: list[Barrier] = []
_opened: dict[str, Warehouse] = {}


def meet_at(barrier: Barrier) -> None:
    """Initialize a process of a pool."""
    _meeting.append(barrier)


def load_two_days(url: str, name: str, day: int) -> None:
    """Load a day and the next, and recompute all hours and days."""
    warehouse = _opened.setdefault(url, Warehouse(url))
    candles = two_days(day)
    warehouse.symbols.get_symbol(name)
    _meeting[0].wait(60)
    warehouse.facts.load_objects(name, [batch(candles, FETCHED + day, symbol=name)])
    warehouse.aggregates.recompute_hours(name, THREE_DAYS, THREE_DAYS.end_ms)
    warehouse.aggregates.recompute_days(name, THREE_DAYS, THREE_DAYS.end_ms)


def two_days(day: int) -> pa.Table:
    """Make every tenth minute of two days."""
    all_minutes = minutes(START + day * DAY_MS, 2 * 1440, base=100 + day)
    return all_minutes.take(pa.array(range(0, 2 * 1440, 10)))


def load_changed_day(url: str, name: str) -> None:
    """Load two days of a later fetch, the first of which changes stored minutes."""
    warehouse = Warehouse(url)
    warehouse.facts.load_objects(name, [later_days(name)])
    warehouse.close()


def later_days(name: str) -> KlinesBatch:
    """Make the batch that `load_changed_day` loads."""
    return batch(minutes(START, 2 * 1440, base=777), FETCHED + 1, symbol=name)


def migrate(url: str) -> None:
    """Create the schema at the same time as another process."""
    _meeting[0].wait(60)
    warehouse = Warehouse(url)
    warehouse.migrate_schema()
    warehouse.require_ready()
    warehouse.close()


def register(url: str, names: list[str]) -> list[str]:
    """Register symbols at the same time as another process."""
    warehouse = Warehouse(url)
    warehouse.require_ready()
    _meeting[0].wait(60)
    try:
        return warehouse.symbols.register_symbols([symbol(name) for name in names])
    finally:
        warehouse.close()

"""A filled warehouse of each kind for all tests of reports, which only read it."""

from collections.abc import Iterator

import pytest

from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window
from crypto_assets.reports import Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.reports.stock import describe, generated, hole_before, load

# Thursday 2025-03-06 12:34 UTC: inside an hour, a day and a week.
UNTIL = 1_741_264_440_000
STOCK = Window(UNTIL - 16 * DAY_MS, UNTIL)
HOLE = hole_before(UNTIL, hours=30, minutes=140)


@pytest.fixture(scope="session", params=["sqlite", "mariadb"])
def stocked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    """Sixteen days of BTCUSDT with a gap and of SHIBUSDT; XRPUSDT has no candle."""
    if request.param == "mariadb":
        url = request.getfixturevalue("mariadb").fresh()
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('reports') / 'warehouse.db'}"
    warehouse = Warehouse(url)
    warehouse.migrate_schema()
    warehouse.symbols.register_symbols([describe(n) for n in ("BTCUSDT", "SHIBUSDT", "XRPUSDT")])
    load(warehouse, "BTCUSDT", generated("BTCUSDT", STOCK, [HOLE]))
    load(warehouse, "SHIBUSDT", generated("SHIBUSDT", STOCK))
    yield warehouse
    warehouse.close()


@pytest.fixture(scope="session")
def reports(stocked: Warehouse) -> Reports:
    """Reports as of half a minute after the newest candle closed."""
    return Reports(stocked, clock=lambda: UNTIL + MINUTE_MS // 2)

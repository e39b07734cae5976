"""A second market in one code location, from a YAML file that `dg scaffold defs` writes."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from crypto_assets.definitions import defs
from crypto_assets.market.candles import CANDLE_COLUMNS
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.components.markets_in_copy import list_names
from crypto_assets_tests.components.project_copy import ProjectCopy
from crypto_assets_tests.pipeline.conftest import TODAY
from crypto_assets_tests.services.exchange import ExchangeServer, StartExchange

IN_COPY = "crypto_assets_tests.components.markets_in_copy"
DAY = TODAY - timedelta(days=1)
# What serves the whole code location, and is therefore not defined by each market.
SHARED = {
    "asset dagster_history",
    "check dagster_history:home_bytes_bounds_check",
    "freshness of dagster_history",
    "source of dagster_history",
    "job thin_history",
    "schedule history_schedule",
    "sensor run_failures",
    "sensor price_alerts",
    "sensor left_runs",
    "resource webhook",
}
# These have the market as the first part of an asset's key, all others as a prefix.
OF_ASSETS = {"asset", "check", "freshness of", "source of"}


def list_values(candles: pa.Table, exact: bool) -> list[list[object]]:
    """The rows in the order of the exchange's columns, decimals exact or to twelve digits."""
    return [
        [
            f"{row[name]:.11e}" if isinstance(row[name], Decimal) and not exact else row[name]
            for name in CANDLE_COLUMNS
        ]
        for row in candles.to_pylist()
    ]


def assert_holds_day_of(home: Path, server: ExchangeServer) -> None:
    """The warehouse has exactly the candles of the exchange's day, to the digit."""
    window = Window.of_day(DAY)
    warehouse = Warehouse(f"sqlite:///{home / 'warehouse.db'}")
    try:
        assert [symbol.name for symbol in warehouse.symbols.list_all()] == ["BTCUSDT"]
        everything = Window(0, 2**53)
        stored = {
            Interval.M1: warehouse.facts.read_candles("BTCUSDT", everything),
            **{
                each: warehouse.aggregates.read_candles("BTCUSDT", each, everything)
                for each in (Interval.H1, Interval.D1)
            },
        }
    finally:
        warehouse.close()
    for interval, candles in stored.items():
        published = server.exchange.get_klines(
            "BTCUSDT", interval, window.start_ms, window.end_ms - 1, limit=2000
        )
        assert published.num_rows == window.duration_ms // interval.ms
        exact = interval is Interval.M1  # SQLite adds up doubles, to twelve digits
        assert list_values(candles, exact) == list_values(published, exact)


@pytest.mark.timeout(900)
def test_two_markets_ingest_a_day_each_into_their_own_stores(
    tmp_path: Path, simulated_exchange: StartExchange
) -> None:
    first, second = simulated_exchange(seed=1), simulated_exchange(seed=2)
    project = ProjectCopy.make(tmp_path / "copy", first.url)
    own = list_names(defs)
    yaml = project.scaffold_market("other", second.url, symbols="NOSUCH,BTC/USDT,BTCUSDT")

    names = project.python(IN_COPY, "names")
    assert set(own) <= set(names)
    added = set(names) - set(own)
    assert added == {
        f"{kind} other{'/' if kind in OF_ASSETS else '_'}{name}"
        for kind, name in (text.rsplit(" ", 1) for text in set(own) - SHARED - {"job __ASSET_JOB"})
    }

    ticked = "nothing to do: all 1 tracked symbols have partitions"
    assert project.python(IN_COPY, f"{DAY}|BTCUSDT", "", "other_") == [
        {"tick": ticked, "added": [], "failures": ""},  # `init` has added its symbol
        {
            "tick": f"{ticked}; not tracked: 'BTC/USDT' cannot be a symbol: use letters and digits "
            "as in BTCUSDT, at most 50 characters; not tracked: the exchange does not list NOSUCH",
            "added": ["BTCUSDT"],
            "failures": "",
        },
    ]
    assert_holds_day_of(project.desk.home, first)
    assert_holds_day_of(project.desk.home / "markets" / "other", second)

    # Its stores belong to its exchange (truth rule 10), as those of the first one do, and to this
    # market: a third one with its lake, whose address is written in another way, is refused.
    third = project.scaffold_market("third", second.url)
    link = tmp_path / "link"
    link.symlink_to(project.desk.home / "markets" / "other" / "lake" / "raw")
    third.write_text(third.read_text().replace("# lake_raw: s3://third-raw", f"lake_raw: {link}"))
    yaml.write_text(yaml.read_text().replace(second.url, first.url))
    refused, mixed = project.python(IN_COPY, f"{DAY}|BTCUSDT", "other_", "third_")
    assert refused["failures"].startswith(
        "the warehouse contains data of simulated:seed=2, not of simulated:seed=1"
    )
    reason = f"the lake {link} belongs to the market other, not to the market third: each market"
    assert mixed["tick"].startswith(reason)
    assert mixed["failures"].startswith(reason)
    third.unlink()
    third.parent.rmdir()
    assert_holds_day_of(project.desk.home / "markets" / "other", second)

    yaml.unlink()
    yaml.parent.rmdir()
    assert project.python(IN_COPY, "names") == own

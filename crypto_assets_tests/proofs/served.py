"""Dagster's processes, their exchange, and the warehouse."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.market.utc_time import Window
from crypto_assets.orchestrator import BackfillProgress
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.services.dagster_tree import Tree, wait_for


@dataclass(frozen=True)
class Served:
    exchange: SimulatedExchange
    tree: Tree
    warehouse: Warehouse

    def minutes(self, symbol: str, first: date, last: date) -> int:
        """The number of stored minute candles of these days."""
        count: int = self.warehouse.facts.read_candles(symbol, Window.of_days(first, last)).num_rows
        return count

    def launch(self, keys: Sequence[str]) -> str:
        """Launch a backfill of all assets as Dagster's UI does, without our tags."""
        return self.tree.orchestrator.launch_backfill(list(KlinesStage), keys, {}, "from the page")

    def ended(self, backfill_id: str, seconds: float = 600) -> BackfillProgress:
        """Wait for the end of a backfill."""

        def look() -> BackfillProgress | None:
            now = self.tree.orchestrator.get_backfill(backfill_id)
            return now if now.ended else None

        found = wait_for(look, seconds)
        assert found
        return found

    def verify(self, first: date, last: date) -> None:
        """Check that `crypto-assets verify` finds nothing."""
        ran = self.tree.desk.run("verify", "--from", str(first), "--to", str(last))
        assert ran.code == 0, ran.out + ran.err
        assert "is not loaded" not in ran.out


@contextmanager
def serve(
    folder: Path, now: int, warehouse_url: str = "", speed: float = 0, **settings: str
) -> Iterator[Served]:
    """An initialized home whose Dagster is not started; all processes are killed at the end.

    The exchange's clock starts at `now` (epoch ms) and stops there if `speed` is 0.
    """
    exchange = SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(now, speed))
    url = warehouse_url or f"sqlite:///{folder / 'home' / 'warehouse.db'}"
    with start_exchange_server(exchange) as exchange_url:
        tree = Tree.planted(folder, exchange_url, WAREHOUSE_URL=url, **settings)
        warehouse = Warehouse(url)
        try:
            yield Served(exchange, tree, warehouse)
        finally:
            tree.kill_all()
            warehouse.close()

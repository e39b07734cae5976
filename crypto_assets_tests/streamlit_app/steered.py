"""The app over a real Dagster, webserver and daemon, and a simulated exchange: all may go away."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import requests

from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.market.utc_time import day_of, now_ms
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.dagster_server import dagster_over
from crypto_assets_tests.services.scripted import Answer, Request, scripted
from crypto_assets_tests.streamlit_app.conftest import serving

SYMBOLS = ("BTCUSDT", "ETHUSDT")
DAYS = 20


@dataclass
class Door:
    """Dagster's GraphQL as the app reaches it; closed, nobody answers."""

    url: str
    closed: bool = False

    def respond(self, request: Request) -> Answer:
        if self.closed:
            return Answer(cut=-1)
        headers = {"Content-Type": "application/json"}
        answer = requests.post(
            f"{self.url}{request.path}", data=request.body, headers=headers, timeout=60
        )
        return Answer(answer.status_code, answer.content, headers)


@dataclass(frozen=True)
class Steered:
    """`address` of the app; no schedule and no sensor ticks but by a test's wish."""

    address: str
    exchange: SimulatedExchange
    warehouse: Warehouse
    dagster: Orchestrator
    door: Door = field(repr=False)

    def changes(self) -> list[tuple[str, object, object]]:
        """The change log, newest first."""
        return [(one.name, one.old, one.new) for one in self.warehouse.app_settings.list_changes()]


@contextmanager
def steered(folder: Path) -> Iterator[Steered]:
    """Everything started; at the end the app's log must hold no traceback."""
    start = day_of(now_ms()) - timedelta(days=DAYS)
    chosen = {"START_DATE": start.isoformat(), "SYMBOLS": ",".join(SYMBOLS)}
    exchange = SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(now_ms(), 1))
    log = folder / "app.log"
    with start_exchange_server(exchange) as url, dagster_over(folder, url, **chosen) as server:
        server.start_daemon()
        door = Door(server.url)
        home = server.desk.home
        warehouse = Warehouse(f"sqlite:///{home / 'warehouse.db'}")
        with (
            scripted(door.respond) as forwarded,
            serving(
                home,
                log,
                DAGSTER_URL=forwarded.url,
                EXCHANGE_URL=url,
                ARCHIVE_URL=url,
                **chosen,
            ) as address,
        ):
            yield Steered(address, exchange, warehouse, Orchestrator(server.url), door)
        warehouse.close()
    assert "Traceback" not in log.read_text()

"""The app with a real Dagster, webserver and daemon, and a simulated exchange."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import requests
from pydantic import SecretStr

from crypto_assets.access import RECORDED_HEADER
from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.market.utc_time import day_of, now_ms
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.access.serving import OPERATOR_TOKEN
from crypto_assets_tests.api.dagster_server import dagster_over
from crypto_assets_tests.services.scripted import Answer, Request, scripted
from crypto_assets_tests.streamlit_app.conftest import serving

SYMBOLS = ("BTCUSDT", "ETHUSDT")
DAYS = 20


@dataclass
class DagsterProxy:
    """A proxy of Dagster's GraphQL, which can refuse connections."""

    url: str
    is_down: bool = False

    def respond(self, request: Request) -> Answer:
        if self.is_down:
            return Answer(cut=-1)
        headers = {"Content-Type": "application/json"}
        response = requests.post(
            f"{self.url}{request.path}",
            data=request.body,
            headers={
                **headers,
                "Authorization": request.headers["Authorization"],
                "User-Agent": request.headers["User-Agent"],
                **{
                    name: value
                    for name, value in request.headers.items()
                    if name.lower() == RECORDED_HEADER.lower()
                },
            },
            timeout=60,
        )
        return Answer(response.status_code, response.content, headers)


@dataclass(frozen=True)
class ControlledApp:
    """The running app and its servers. All schedules and sensors are stopped at first."""

    address: str
    exchange: SimulatedExchange
    warehouse: Warehouse
    dagster: Orchestrator
    proxy: DagsterProxy = field(repr=False)

    def list_changes(self) -> list[tuple[str, object, object]]:
        """Return the change log, newest first."""
        return [
            (change.name, change.old, change.new)
            for change in self.warehouse.app_settings.list_changes()
        ]


@contextmanager
def controlled_app(folder: Path) -> Iterator[ControlledApp]:
    """Start the servers and the app; its log must not contain a traceback."""
    start = day_of(now_ms()) - timedelta(days=DAYS)
    settings = {"START_DATE": start.isoformat(), "SYMBOLS": ",".join(SYMBOLS)}
    exchange = SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(now_ms(), 1))
    log = folder / "app.log"
    with start_exchange_server(exchange) as url, dagster_over(folder, url, **settings) as server:
        server.start_daemon()
        proxy = DagsterProxy(server.url)
        home = server.desk.home
        warehouse = Warehouse(f"sqlite:///{home / 'warehouse.db'}")
        with (
            scripted(proxy.respond) as forwarded,
            serving(
                home,
                log,
                DAGSTER_URL=forwarded.url,
                EXCHANGE_URL=url,
                ARCHIVE_URL=url,
                **settings,
            ) as address,
        ):
            dagster = Orchestrator(server.url, token=SecretStr(OPERATOR_TOKEN))
            yield ControlledApp(address, exchange, warehouse, dagster, proxy)
        warehouse.close()
    assert "Traceback" not in log.read_text()

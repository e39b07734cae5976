"""The simulated exchange as a server: blocking for the command, in a thread for programs."""

from contextlib import AbstractContextManager
from pathlib import Path

from crypto_assets import http_server
from crypto_assets.errors import WrongUse
from crypto_assets.exchange.simulated.app import create_exchange_app
from crypto_assets.exchange.simulated.clock import SimulatedClock
from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.exchange.simulated.faults import FaultScript
from crypto_assets.exchange.simulated.generated_candles import GeneratedCandles
from crypto_assets.exchange.simulated.recorded_candles import RecordedCandles
from crypto_assets.market.instant_parsing import parse_instant

DEFAULT_SEED = 1


def serve_exchange(exchange: SimulatedExchange, host: str = "127.0.0.1", port: int = 9000) -> None:
    """Serve until SIGINT or SIGTERM. Raises PortTaken."""
    http_server.serve_app(create_exchange_app(exchange), port, host)


def start_exchange_server(
    exchange: SimulatedExchange, port: int = 0
) -> AbstractContextManager[str]:
    """Serve in a thread of this process; gives the base URL. Port 0 takes any free one."""
    return http_server.serve_in_thread(create_exchange_app(exchange), port)


def serve_simulated(
    port: int,
    data: Path | None = None,
    seed: int = DEFAULT_SEED,
    outages: bool = False,
    faults: Path | None = None,
    now: str | int | None = None,
    speed: float = 1.0,
    host: str = "127.0.0.1",
) -> None:
    """Serve generated candles, or those recorded in the directory `data`, until a signal.

    `now` sets the exchange's clock (ISO 8601 or epoch ms), which runs `speed` times as fast as
    real time; `faults` is a script, see the package `faults`. Raises WrongUse and PortTaken.
    """
    if speed < 0:
        raise WrongUse("the exchange's clock cannot run backwards: --speed must be 0 or more")
    source = RecordedCandles(data) if data else GeneratedCandles(seed, outages)
    clock = SimulatedClock(None if now is None else parse_instant(now), speed)
    script = FaultScript.from_file(faults) if faults else None
    serve_exchange(SimulatedExchange(source, clock, script), host, port)

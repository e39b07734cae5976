"""Start the simulated exchange: blocking for the command line, in a thread for programs."""

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


def start_exchange_server(
    exchange: SimulatedExchange, port: int = 0
) -> AbstractContextManager[str]:
    """Serve in a thread; the context's value is the base URL. Port 0 means any free port."""
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
    real time. `faults` is the file of a fault script. Raises WrongUse and PortTaken.
    """
    if speed < 0:
        raise WrongUse("--speed must be 0 or more: the exchange's clock cannot run backwards")
    source = RecordedCandles(data) if data else GeneratedCandles(seed, outages)
    clock = SimulatedClock(None if now is None else parse_instant(now), speed)
    script = FaultScript.from_file(faults) if faults else None
    app = create_exchange_app(SimulatedExchange(source, clock, script))
    http_server.serve_app(app, port, host)

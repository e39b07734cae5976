"""The simulated exchange as a server: blocking for the command, in a thread for programs."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from crypto_assets.errors import WrongUse
from crypto_assets.exchange.simulated.app import create_app
from crypto_assets.exchange.simulated.clock import SimulatedClock
from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.exchange.simulated.faults import FaultScript
from crypto_assets.exchange.simulated.generated import GeneratedCandles
from crypto_assets.exchange.simulated.recorded import RecordedCandles
from crypto_assets.market.instant import instant_ms
from crypto_assets.ports import claim_port

DEFAULT_SEED = 1
_GRACE_S = 2
_STOPS = (signal.SIGINT, signal.SIGTERM)


def serve(exchange: SimulatedExchange, host: str = "127.0.0.1", port: int = 9000) -> None:
    """Serve until SIGINT or SIGTERM. Raises PortTaken."""
    with claim_port(port, host) as claimed:
        _server(exchange).run(sockets=[claimed])


@contextmanager
def running(exchange: SimulatedExchange, port: int = 0) -> Iterator[str]:
    """Serve in a thread of this process; gives the base URL. Port 0 takes any free one."""
    with claim_port(port) as claimed:
        claimed.listen(128)
        server = _server(exchange)
        thread = threading.Thread(target=server.run, args=([claimed],), name="simulated-exchange")
        thread.start()
        try:
            yield f"http://127.0.0.1:{claimed.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


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
    clock = SimulatedClock(None if now is None else instant_ms(now), speed)
    script = FaultScript.read(faults) if faults else None
    serve(SimulatedExchange(source, clock, script), host, port)


class _Server(uvicorn.Server):
    """Returns when a signal has stopped it, where uvicorn's own raises the signal once more."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {name: signal.signal(name, self.handle_exit) for name in _STOPS}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)


def _server(exchange: SimulatedExchange) -> uvicorn.Server:
    config = uvicorn.Config(
        create_app(exchange),
        lifespan="off",
        ws="none",
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    return _Server(config)

"""The simulated exchange as a server: blocking for the command, in a thread for programs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from crypto_assets.exchange.simulated.app import create_app
from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.ports import claim_port

_GRACE_S = 2


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
    return uvicorn.Server(config)

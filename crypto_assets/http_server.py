"""Serves an ASGI app: blocking for commands, or in a thread for other programs."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from crypto_assets.python_gc import freeze_loaded_objects
from crypto_assets.tcp_ports import claim_port

_GRACE_SECONDS = 2
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve_app(
    app: Any, port: int, host: str = "127.0.0.1", grace_seconds: int = _GRACE_SECONDS
) -> None:
    """Serve an ASGI app until SIGINT or SIGTERM, then wait `grace_seconds` for active requests.

    Raises PortTaken.
    """
    with claim_port(port, host) as claimed:
        freeze_loaded_objects()
        _build_server(app, grace_seconds).run(sockets=[claimed])


@contextmanager
def serve_in_thread(app: Any, port: int = 0) -> Iterator[str]:
    """Serve an ASGI app in a thread, and yield its base URL. Port 0 chooses a free port."""
    with claim_port(port) as claimed:
        claimed.listen(128)
        server = _build_server(app, _GRACE_SECONDS)
        thread = threading.Thread(target=server.run, args=([claimed],), name="http-server")
        thread.start()
        try:
            yield f"http://127.0.0.1:{claimed.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    """Returns after a signal has stopped it; uvicorn's own server raises the signal again."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {name: signal.signal(name, self.handle_exit) for name in _STOP_SIGNALS}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)


def _build_server(app: Any, grace_seconds: int) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        ws="none",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        # Access control needs the client's real address, not the one of a header.
        proxy_headers=False,
        timeout_graceful_shutdown=grace_seconds,
    )
    return _Server(config)

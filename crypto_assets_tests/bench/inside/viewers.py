"""Viewers of a page at once on one server process, speaking to it as browsers do."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from crypto_assets_tests.streamlit_app.conftest import serving

_TIMEOUT = 120
_WARM_RERUNS = 20  # caches fill, and the allocator has seen what it will see


def at_once(page: str, viewers: int, reruns: int) -> dict[str, float | list[float]]:
    """Seconds of each viewer's first render and rerun, all at the same time; MB that stay.

    `growth_mb` is by how much the server's resident memory has grown over `reruns` reruns of one
    viewer, after some to warm up.
    """
    home = Path(os.environ["CRYPTO_HOME"])
    with serving(home, home / "viewers.log") as address, ThreadPoolExecutor(viewers) as pool:
        with _Viewer(address, page) as warming:
            warming.render()
        every = [_Viewer(address, page) for _ in range(viewers)]
        first = list(pool.map(_Viewer.render, every))
        again = list(pool.map(_Viewer.render, every))
        for viewer in every[1:]:
            viewer.close()
        for _ in range(_WARM_RERUNS):
            every[0].render()
        before = _server_bytes(address)
        for _ in range(reruns):
            every[0].render()
        growth = (_server_bytes(address) - before) / 2**20
        every[0].close()
    return {"first": first, "rerun": again, "growth_mb": growth}


class _Viewer:
    """One session of the app over its websocket."""

    def __init__(self, address: str, page: str) -> None:
        stream = f"{address.replace('http', 'ws', 1)}/_stcore/stream"
        self._page = page
        self._socket: ClientConnection = connect(
            stream,
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
            compression=None,
            open_timeout=_TIMEOUT,
        )

    def __enter__(self) -> "_Viewer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def render(self) -> float:
        """Seconds from asking for the page to the end of its script."""
        message = BackMsg()
        message.rerun_script.page_name = self._page
        began = time.monotonic()
        self._socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg.FromString(self._socket.recv(_TIMEOUT, decode=False))
            assert answer.delta.new_element.WhichOneof("type") != "exception", answer
            if answer.WhichOneof("type") == "script_finished":
                if answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                    return time.monotonic() - began
                assert answer.script_finished != ForwardMsg.FINISHED_WITH_COMPILE_ERROR


def _server_bytes(address: str) -> int:
    """Resident memory of the one process that listens there."""
    port = int(address.rpartition(":")[2])
    servers = [
        process
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    ]
    return sum(process.memory_info().rss for process in servers)

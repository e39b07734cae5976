"""Measures concurrent viewers of a page on one server process, over websockets as browsers."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from crypto_assets_tests.streamlit_app.conftest import serving

_TIMEOUT = 120
_WARM_RERUNS = 20  # after these, caches are full and memory is allocated


def measure_viewers(page: str, viewers: int, reruns: int) -> dict[str, float | list[float]]:
    """Measure the seconds of each viewer's first render and rerun, all at the same time.

    `growth_mb` is how much the server's resident memory grows over `reruns` reruns of one viewer,
    after some to warm up.
    """
    home = Path(os.environ["CRYPTO_HOME"])
    with serving(home, home / "viewers.log") as address, ThreadPoolExecutor(viewers) as pool:
        with _Viewer(address, page) as warming:
            warming.render()
        all_viewers = [_Viewer(address, page) for _ in range(viewers)]
        first = list(pool.map(_Viewer.render, all_viewers))
        again = list(pool.map(_Viewer.render, all_viewers))
        for viewer in all_viewers[1:]:
            viewer.close()
        for _ in range(_WARM_RERUNS):
            all_viewers[0].render()
        before = _read_server_bytes(address)
        for _ in range(reruns):
            all_viewers[0].render()
        growth = (_read_server_bytes(address) - before) / 2**20
        all_viewers[0].close()
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def render(self) -> float:
        """Request the page; return the seconds until its script has finished."""
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


def _read_server_bytes(address: str) -> int:
    """Return the resident memory of the process that listens at the address."""
    port = int(address.rpartition(":")[2])
    servers = [
        process
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    ]
    return sum(process.memory_info().rss for process in servers)

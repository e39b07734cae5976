"""nginx in front of other servers, as its documentation shows it: one `proxy_pass`, no headers."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.services.lifetime import with_parent
from crypto_assets_tests.services.programs import find_program

_READY_SECONDS = 30
# Without these, the program would write to the folders of a system service.
_TEMPORARY = "".join(
    f"{kind}_temp_path {{folder}}/{kind};\n"
    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)
_CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{}}
http {{
access_log off;
{temporary}
{servers}
}}
"""
_SERVER = """
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass {upstream};
        {lines}
    }}
}}
"""


@contextmanager
def nginx(folder: Path, upstreams: Mapping[str, str], lines: str = "") -> Iterator[dict[str, str]]:
    """Forward to each upstream; yield the addresses by the names of the upstreams.

    `lines` are further lines of each `location`. By default nginx speaks HTTP/1.0, sends the name
    of the upstream as Host, and no header that shows a proxy.
    """
    folder.mkdir()
    ports = {name: require_free_port(0) for name in upstreams}
    servers = "".join(
        _SERVER.format(port=ports[name], upstream=upstream, lines=lines)
        for name, upstream in upstreams.items()
    )
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder,
            user="user root;" if os.geteuid() == 0 else "",
            temporary=_TEMPORARY.format(folder=folder),
            servers=servers,
        )
    )
    command = [
        *with_parent(),
        find_program("nginx", "nginx"),
        "-p",
        str(folder),
        "-c",
        str(configuration),
    ]
    process = subprocess.Popen([*command, "-e", str(folder / "error.log")])
    try:
        for port in ports.values():
            _wait_until_listening(process, port, folder / "error.log")
        yield {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    finally:
        process.terminate()
        process.wait()


def _wait_until_listening(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"nginx did not start:\n{log.read_text()}")

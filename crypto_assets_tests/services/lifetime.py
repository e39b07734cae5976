"""Servers that tests start end with the tests."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_restarted: "dict[int, subprocess.Popen[bytes]]" = {}


def with_parent() -> list[str]:
    """Return a command prefix with which the kernel kills the command when its parent dies."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


@contextmanager
def killed_server(pid: int, *options: str) -> Iterator[None]:
    """Kill a server with SIGKILL, and start it again with the same arguments at the end.

    `options` are further arguments of the second process, which `end_process` ends too.
    """
    folder = Path(f"/proc/{pid}")
    words = [word.decode() for word in (folder / "cmdline").read_bytes().split(b"\0")[:-1]]
    variables = (folder / "environ").read_bytes().split(b"\0")[:-1]
    environment = dict(variable.decode().split("=", 1) for variable in variables)
    cwd = (folder / "cwd").readlink()
    os.kill(pid, signal.SIGKILL)
    yield
    _restarted[pid] = subprocess.Popen(
        [*with_parent(), *words, *options],
        env=environment,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def end_process(process: "subprocess.Popen[bytes]") -> None:
    """Kill a server whose data is temporary, and the one that took its place."""
    for server in filter(None, (process, _restarted.pop(process.pid, None))):
        server.kill()
        server.wait()

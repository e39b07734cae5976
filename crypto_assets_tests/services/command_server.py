"""Runs `crypto-assets` in new processes without the second that its imports take.

A server process has imported the libraries and the commands, but not the definitions, which read
the environment. For each call it forks a process with the caller's arguments, environment and
output files, which then runs `python -m crypto_assets`.
"""

import atexit
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from crypto_assets.python_gc import freeze_loaded_objects
from crypto_assets_tests.services.lifetime import with_parent

_READY = b"ready\n"
# What an interpreter or its libraries read only when they start.
_START_VARIABLES = ("PYTHON", "LD_", "LC_", "LANG", "TZ")
_at_exit = ExitStack()
atexit.register(_at_exit.close)


def run_command(
    words: tuple[str, ...], environment: Mapping[str, str], timeout: float
) -> "subprocess.CompletedProcess[str]":
    """Run `crypto-assets WORDS` with this environment only, and capture its output.

    Raises subprocess.TimeoutExpired; the command is then killed.
    """
    if _needs_interpreter(environment):
        command = [sys.executable, "-m", "crypto_assets", *words]
        return subprocess.run(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        Path(os.devnull).open("rb") as nothing,
        socket.socket(socket.AF_UNIX) as connection,
    ):
        connection.connect(_start_server())
        request = json.dumps({"words": words, "environment": dict(environment)}).encode()
        streams = [stream.fileno() for stream in (nothing, out, err)]
        socket.send_fds(connection, [len(request).to_bytes(4, "big")], streams)
        connection.sendall(request)
        with connection.makefile("r") as answers:
            pid = int(answers.readline())
            connection.settimeout(timeout)
            try:
                code = int(answers.readline())
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(words, timeout) from None
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode())
        return subprocess.CompletedProcess(words, code, *texts)


def _needs_interpreter(environment: Mapping[str, str]) -> bool:
    """Whether a variable differs that a forked process would not read any more."""
    return any(
        name.startswith(_START_VARIABLES) and value != os.environ.get(name)
        for name, value in environment.items()
    )


@cache
def _start_server() -> str:
    """Start the server of this process, which ends with it; return its address."""
    folder = _at_exit.enter_context(tempfile.TemporaryDirectory(prefix="crypto-assets-"))
    address = str(Path(folder) / "commands")
    command = [*with_parent(), sys.executable, "-m", __name__, address]
    # Forking is safe while no library has started threads.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    _at_exit.enter_context(process)
    _at_exit.callback(process.kill)
    assert process.stdout
    assert process.stdout.readline() == _READY, "the server of commands did not start"
    return address


def _serve(address: str) -> None:
    """Fork one process per connection, which forks the command and sends its PID and exit code."""
    _import_libraries()
    freeze_loaded_objects()  # a collection in a fork would copy their memory
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        os.write(1, _READY)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended children leave no zombies
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _run_request(connection)
            connection.close()


def _run_request(connection: socket.socket) -> None:
    """Run a command in a child, then exit; in the child, return into the command."""
    size, streams, _, _ = socket.recv_fds(connection, 4, 3)
    request = b""
    while len(request) < int.from_bytes(size, "big"):
        request += connection.recv(65_536)
    pid = os.fork()
    if pid == 0:
        connection.close()
        _become_command(streams, **json.loads(request))
    connection.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    with suppress(BrokenPipeError):  # after a timeout
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become_command(streams: list[int], words: list[str], environment: dict[str, str]) -> None:
    """Run the command as the interpreter would, and exit with its code."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = words
    runpy.run_module("crypto_assets", run_name="__main__", alter_sys=True)
    sys.exit()


def _import_libraries() -> None:
    import_module("dagster")
    commands: Any = import_module("crypto_assets.cli")
    for module in pkgutil.iter_modules(commands.__path__, "crypto_assets.cli."):
        import_module(module.name)
    loaded = [name for name in sys.modules if name.startswith("crypto_assets.def")]
    assert not loaded, f"these read the environment: {loaded}"


if __name__ == "__main__":
    _serve(sys.argv[1])

"""The tree of processes behind `up` and `demo`: started in order, watched, stopped together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from crypto_assets.errors import CryptoAssetsError

_STOP_SECONDS = 15
_REPORT_SECONDS = 20
_LOG_TAIL_LINES = 30
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """One child: what runs, where it writes its log, and how to tell that it serves."""

    name: str
    command: Sequence[str]
    log: Path
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_timeout_seconds: float = 180
    # What takes its time, for who waits: "loads the code".
    startup_activity: str = "comes up"


class ProcessTree:
    """Runs programs until one dies or a signal comes; leaving the `with` stops all of them.

    `tell` hears, while a start takes long, what is waited for.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._report = tell
        self._running: list[tuple[Program, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Self:
        # Also where a background shell has had SIGINT ignored.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _raise_interrupt)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop_programs()

    def start_programs(self, *programs: Program) -> None:
        """Start programs side by side and wait until all serve.

        Raises CryptoAssetsError if one of them does not.
        """
        for program in programs:
            self._spawn_process(program)
        for program in programs:
            self._wait_until_ready(program)

    def wait_until_stopped(self) -> None:
        """Block until a signal asks to stop. Raises CryptoAssetsError if a program dies first."""
        with suppress(KeyboardInterrupt):
            while True:
                self._require_alive()
                time.sleep(0.5)

    def stop_programs(self) -> None:
        """Ask every program to stop, the last started first; kill what has not after a while."""
        processes = [process for _, process in reversed(self._running)]
        for process in processes:
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
        for process in processes:
            # The group, not its leader alone: Dagster's code servers are grandchildren.
            _signal_group(process, signal.SIGKILL)
            process.wait()
        self._running.clear()

    def _require_alive(self) -> None:
        for program, process in self._running:
            if process.poll() is not None:
                raise _build_exit_error(program, process.returncode)

    def _spawn_process(self, program: Program) -> None:
        program.log.parent.mkdir(parents=True, exist_ok=True)
        with program.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
                list(program.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **program.environment},
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        self._running.append((program, process))

    def _wait_until_ready(self, program: Program) -> None:
        """Every while says what is waited for. All of them are watched: none may die meanwhile."""
        began = time.monotonic()
        told = began
        while not program.is_ready():
            self._require_alive()
            waited = time.monotonic() - began
            if waited > program.ready_timeout_seconds:
                raise CryptoAssetsError(
                    f"{program.name} did not answer within {program.ready_timeout_seconds:.0f} s: "
                    f"see {program.log}"
                )
            if time.monotonic() - told > _REPORT_SECONDS:
                told = time.monotonic()
                self._report(
                    f"{program.name} {program.startup_activity}, {waited:.0f} s so far ..."
                )
            time.sleep(0.2)


def _raise_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _build_exit_error(program: Program, code: int) -> CryptoAssetsError:
    lines = program.log.read_text(errors="replace").strip().splitlines()[-_LOG_TAIL_LINES:]
    # What is said after an error is mostly of the stopping that follows from it.
    telling = [line for line in lines if "error" in line.lower()] or lines
    last = f": {telling[-1]}" if telling else ""
    return CryptoAssetsError(f"{program.name} ended with code {code}, see {program.log}{last}")


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _die_with_parent() -> None:
    """Linux: a child gets SIGTERM when we are killed in a way that leaves us no last word.

    The ignored SIGINT and SIGTERM that a background shell hands down are set right again.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

"""The processes of `up` and `demo`: started, monitored and stopped together."""

import ctypes
import os
import shutil
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
from crypto_assets.logs import find_error_text

_STOP_SECONDS = 15
_REPORT_SECONDS = 20
_LOG_TAIL_LINES = 30
# Of each program, twice: the current file and the one before.
MAX_LOG_BYTES = 50_000_000
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """A child process: its command, its log file, and a check whether it is ready.

    It starts in `folder`, by default in the current one.
    """

    name: str
    command: Sequence[str]
    log: Path
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    ready_timeout_seconds: float = 180
    # What the program does during a long start, for progress messages.
    startup_activity: str = "is starting"


class ProcessTree:
    """Runs programs until one exits or a signal arrives; leaving the `with` block stops all.

    `report` receives progress messages if a start takes long.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._running: list[tuple[Program, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Self:
        # A shell starts background processes with SIGINT ignored.
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
        """Start programs in parallel and wait until all are ready.

        Raises CryptoAssetsError if one exits or is not ready in time.
        """
        for program in programs:
            self._spawn_process(program)
        for program in programs:
            self._wait_until_ready(program)

    def wait_until_stopped(self) -> None:
        """Block until a stop signal. Raises CryptoAssetsError if a program exits first."""
        with suppress(KeyboardInterrupt):
            while True:
                self._require_alive()
                for program, _ in self._running:
                    _rotate_log(program.log)
                time.sleep(0.5)

    def stop_programs(self) -> None:
        """Send SIGTERM to every program, the last one first, and SIGKILL after a timeout."""
        processes = [process for _, process in reversed(self._running)]
        for process in processes:
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
        for process in processes:
            # To the process group, since Dagster's code servers are grandchildren.
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
            process = subprocess.Popen(  # noqa: S603 - our own programs  # nosec B603
                list(program.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=program.folder,
                env={**os.environ, **program.environment},
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        self._running.append((program, process))

    def _wait_until_ready(self, program: Program) -> None:
        """Wait for one program, while monitoring all, and report progress."""
        start = reported = time.monotonic()
        while not program.is_ready():
            self._require_alive()
            waited = time.monotonic() - start
            if waited > program.ready_timeout_seconds:
                raise CryptoAssetsError(
                    f"{program.name} was not ready within {program.ready_timeout_seconds:.0f} s: "
                    f"see {program.log}"
                )
            if time.monotonic() - reported > _REPORT_SECONDS:
                reported = time.monotonic()
                self._report(
                    f"{program.name} {program.startup_activity}, {waited:.0f} s so far ..."
                )
            time.sleep(0.2)


def _rotate_log(path: Path) -> None:
    """Keep one earlier file of a log that has become too long.

    Its program has the file open, so the file is copied and emptied; what the program writes in
    between is lost.
    """
    with suppress(OSError):  # a full disk, or no file: the log stays as it is
        if path.stat().st_size > MAX_LOG_BYTES:
            shutil.copyfile(path, path.with_name(f"{path.name}.1"))
            os.truncate(path, 0)


def _raise_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _build_exit_error(program: Program, code: int) -> CryptoAssetsError:
    lines = program.log.read_text(errors="replace").strip().splitlines()[-_LOG_TAIL_LINES:]
    # Lines after an error are mostly about the shutdown that follows.
    errors = [text for line in lines if (text := find_error_text(line))] or lines
    last = f": {errors[-1]}" if errors else ""
    return CryptoAssetsError(f"{program.name} exited with code {code}, see {program.log}{last}")


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _die_with_parent() -> None:
    """Have Linux send SIGTERM to the child if this process is killed with SIGKILL.

    Also restore the default handling of SIGINT and SIGTERM, which a background shell ignores.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

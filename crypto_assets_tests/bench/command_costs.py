"""Runs a command and measures its time, its memory, and the CPU time of all processes."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class CommandCosts:
    """What a command took.

    `peak_mb` includes its children. `cpu_seconds`, user and system, are by server; those of the
    command are under "command".
    """

    seconds: float
    peak_mb: float
    cpu_seconds: Mapping[str, float]


class CommandFailed(Exception):
    """A measured command failed, so it has no figures."""


def run_command(
    command: Sequence[str], environment: Mapping[str, str], log: Path, servers: Mapping[str, int]
) -> CommandCosts:
    """Run a command to its end; `servers` are the pids of servers to measure.

    Raises CommandFailed with the end of the log.
    """
    processes = {name: psutil.Process(pid) for name, pid in servers.items()}
    before = {name: _read_cpu_seconds(server) for name, server in processes.items()}
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    peak, own = _wait_for_end(process)
    seconds = time.monotonic() - began
    if process.returncode:
        raise CommandFailed(f"{' '.join(command)}: {log.read_text(errors='replace')[-2000:]}")
    spent = {name: _read_cpu_seconds(server) - before[name] for name, server in processes.items()}
    return CommandCosts(seconds, peak / 2**20, {"command": own, **spent})


def _wait_for_end(process: "subprocess.Popen[bytes]") -> tuple[int, float]:
    """Wait for the end; return the peak of its bytes, and its CPU seconds."""
    peak, own = 0, 0.0
    try:
        measured = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                family = [measured, *measured.children(recursive=True)]
                peak = max(peak, sum(member.memory_info().rss for member in family))
                own = _read_cpu_seconds(measured)
            except psutil.Error:
                continue  # the command or a child has just ended
            time.sleep(_SAMPLE_SECONDS)
    finally:
        process.kill()
        process.wait()
    return peak, own


def _read_cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)

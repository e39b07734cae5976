"""Runs a command and takes its time, its memory, and what it costs the servers beside it."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Watched:
    """`peak_mb` is of the command with its children; `cpu_seconds`, user and system, by name.

    The command's own goes by the name "command".
    """

    seconds: float
    peak_mb: float
    cpu_seconds: Mapping[str, float]


class CommandFailed(Exception):
    """A measured command failed: there is no figure."""


def watched(
    command: Sequence[str], environment: Mapping[str, str], log: Path, servers: Mapping[str, int]
) -> Watched:
    """Runs the command to its end; `servers` are the pids to count besides.

    Raises CommandFailed with the end of its log.
    """
    meters = {name: psutil.Process(pid) for name, pid in servers.items()}
    before = {name: _spent(meter) for name, meter in meters.items()}
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    peak, own = _follow(process)
    seconds = time.monotonic() - began
    if process.returncode:
        raise CommandFailed(f"{' '.join(command)}: {log.read_text(errors='replace')[-2000:]}")
    spent = {name: _spent(meter) - before[name] for name, meter in meters.items()}
    return Watched(seconds, peak / 2**20, {"command": own, **spent})


def _follow(process: "subprocess.Popen[bytes]") -> tuple[int, float]:
    """Until it ends, or we do: the most bytes it held, and the seconds of processor it took."""
    peak, own = 0, 0.0
    try:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                family = [watched, *watched.children(recursive=True)]
                peak = max(peak, sum(one.memory_info().rss for one in family))
                own = _spent(watched)
            except psutil.Error:
                continue  # it, or a child, has ended meanwhile
            time.sleep(_SAMPLE_SECONDS)
    finally:
        process.kill()
        process.wait()
    return peak, own


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)

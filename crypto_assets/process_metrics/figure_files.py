"""The files with the figures of all processes, one folder per host.

The figures of processes that have ended are added up in the host's file `ended.prom`, which has the
label `process`, by any server of this host. A lock keeps them from being read meanwhile, and the
file names those that it contains, so that none counts twice if that server is killed.
"""

import fcntl
import logging
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_fd_to_metric_families
from prometheus_client.registry import Collector

from crypto_assets.process_metrics.meter import PREFIX, get_meter

# A file that was not written for so long is of a process that has ended, or does nothing more.
_SILENT_SECONDS = 120.0
_HOST_DAYS = 30
_ENDED, _LOCK, _SUFFIX = "ended.prom", "lock", ".prom"
_CONTAINS = "# contains "
# How the gauges of several processes with one name become one figure.
_GAUGES: dict[str, Callable[[float, float], float]] = {
    f"{PREFIX}process_resident_memory_bytes": lambda a, b: a + b,
    f"{PREFIX}process_start_time_seconds": max,
    f"{PREFIX}process_open_fds": max,
    f"{PREFIX}process_max_fds": min,
    f"{PREFIX}process_info": max,
}
_GROWING_TYPES = {"counter", "histogram"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FigureFile:
    """The file of a process."""

    path: Path
    process: str
    pid: int
    started_ms: int

    @property
    def is_of_living(self) -> bool:
        """Whether its process lives, on this host, as far as its number says so."""
        if self.pid == os.getpid():
            # A container gives its server the same number at each start.
            return self.started_ms == get_meter().started_ms
        return psutil.pid_exists(self.pid)


def name_figure_file(process: str, pid: int, started_ms: int) -> str:
    """Name the file of a process."""
    return f"{process}-{pid}-{started_ms}{_SUFFIX}"


class _Figures(Collector):
    """Sums of metrics, in the order in which they were added."""

    def __init__(self) -> None:
        self._metrics: dict[str, Metric] = {}
        self._values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}

    def add_file(self, path: Path, labels: dict[str, str], *, is_living: bool) -> None:
        """Add the metrics of a file; of a process that has ended, without gauges."""
        with path.open(encoding="utf-8") as text:
            families = list(text_fd_to_metric_families(text))
        for family in families:
            if family.type in _GROWING_TYPES:
                self._add(family, labels, lambda a, b: a + b)
            elif is_living and family.name in _GAUGES:
                self._add(family, labels, _GAUGES[family.name])

    def add_living(self, labels: dict[str, str]) -> None:
        """Count a living process."""
        count = Metric(f"{PREFIX}processes", "Processes that live.", "gauge")
        count.add_sample(count.name, {}, 1)
        self._add(count, labels, lambda a, b: a + b)

    def _add(
        self, family: Metric, labels: dict[str, str], join: Callable[[float, float], float]
    ) -> None:
        self._metrics.setdefault(
            family.name, Metric(family.name, family.documentation, family.type)
        )
        values = self._values.setdefault(family.name, {})
        for sample in family.samples:
            key = sample.name, tuple(sorted({**sample.labels, **labels}.items()))
            values[key] = join(values[key], sample.value) if key in values else sample.value

    def collect(self) -> Iterator[Metric]:
        for name, described in self._metrics.items():
            metric = Metric(name, described.documentation, described.type)
            for (sample, labels), value in self._values[name].items():
                metric.add_sample(sample, dict(labels), value)
            yield metric


def collect_figures(folder: Path) -> Iterator[Metric]:
    """Collect the figures of all processes, by process and host; nothing without the folder."""
    figures = _Figures()
    for host in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            with _hold_lock(host, fcntl.LOCK_SH):
                _add_host(figures, host)
        except OSError as error:
            _log.warning("the metrics are without the processes of %s: %s", host, error)
    return figures.collect()


def _add_host(figures: _Figures, host: Path) -> None:
    is_own = host.name == socket.gethostname()
    ended = host / _ENDED
    contained = _list_contained(ended)
    if ended.exists():
        _add_readable(figures, ended, {"host": host.name}, is_living=False)
    for file in _list_files(host):
        if file.path.name in contained:
            continue
        is_living = not _is_silent(file.path) and (not is_own or file.is_of_living)
        labels = {"process": file.process, "host": host.name}
        if is_living:
            figures.add_living(labels)
        _add_readable(figures, file.path, labels, is_living=is_living)


def add_ended_figures(host: Path) -> None:
    """Move the figures of this host's processes that have ended into one file."""
    ended = [file for file in _list_files(host) if not file.is_of_living]
    if not ended:
        return
    with suppress(OSError), _hold_lock(host, fcntl.LOCK_EX):
        _move_figures(host / _ENDED, [file for file in ended if file.path.exists()])


def _move_figures(target: Path, files: list[FigureFile]) -> None:
    figures, contained = _Figures(), _list_contained(target)
    if target.exists():
        _add_readable(figures, target, {}, is_living=False)
    for file in files:
        if file.path.name not in contained:
            _add_readable(figures, file.path, {"process": file.process}, is_living=False)
    registry = CollectorRegistry()
    registry.register(figures)
    names = "".join(f"{_CONTAINS}{file.path.name}\n" for file in files)
    new = target.with_suffix(".new")
    new.write_bytes(names.encode() + generate_latest(registry))
    new.replace(target)
    for file in files:
        # With what a killed process has begun to write.
        for path in target.parent.glob(f"{file.path.name}*"):
            path.unlink(missing_ok=True)


def delete_old_hosts(folder: Path) -> None:
    """Delete the figures of hosts that have written none for 30 days, such as old containers."""
    for host in folder.iterdir():
        written = [path.stat().st_mtime for path in host.glob(f"*{_SUFFIX}")]
        if written and time.time() - max(written) > _HOST_DAYS * 86_400:
            shutil.rmtree(host, ignore_errors=True)


def _add_readable(
    figures: _Figures, path: Path, labels: dict[str, str], *, is_living: bool
) -> None:
    """Add a file, unless somebody else has written or deleted it."""
    try:
        figures.add_file(path, labels, is_living=is_living)
    except (OSError, ValueError) as error:
        _log.warning("the metrics are without %s: %s", path, error)


def _list_files(host: Path) -> list[FigureFile]:
    return [
        FigureFile(path, process, int(pid), int(started_ms))
        for path in sorted(host.glob(f"*-*-*{_SUFFIX}"))
        for process, pid, started_ms in [path.stem.rsplit("-", 2)]
    ]


def _list_contained(ended: Path) -> set[str]:
    if not ended.exists():
        return set()
    with ended.open(encoding="utf-8") as lines:
        return {line.removeprefix(_CONTAINS).strip() for line in _iter_head(lines)}


def _iter_head(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith(_CONTAINS):
            return
        yield line


def _is_silent(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime > _SILENT_SECONDS
    return True


@contextmanager
def _hold_lock(host: Path, kind: int) -> Iterator[None]:
    with (host / _LOCK).open("a") as lock:
        fcntl.flock(lock, kind)
        yield

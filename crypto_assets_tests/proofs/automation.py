"""Measures a schedule against automation conditions.

`python -m crypto_assets_tests.proofs.automation` prints a line per variant. Each variant gets a
daemon, and a copy of a home with `--days` of materialized partitions of 20 symbols; all run at the
same time for `--minutes`. docs/architecture.md has the figures.
"""

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import dagster as dg
import psutil

from crypto_assets_tests.proofs import automation_definitions as measured
from crypto_assets_tests.services.lifetime import with_parent

VARIANTS = (measured.SCHEDULE, "30", "10")
_CONFIG = """
telemetry: {enabled: false}
run_coordinator:
  module: dagster
  class: QueuedRunCoordinator
  config: {dequeue_interval_seconds: 1}
"""
# The first evaluations after a start launch what is missing.
_WARM_UP_SECONDS = 60


@dataclass(frozen=True)
class Measurement:
    """A variant's daemon over some time: `delays` are those of its runs after the minute."""

    variant: str
    minutes: int
    delays: list[float]
    cpu_seconds: float
    evaluations: int
    evaluation_bytes: int

    def __str__(self) -> str:
        hours = self.minutes / 60
        return (
            f"{self.variant}: {len(self.delays)} runs in {self.minutes} minutes, "
            f"{median(self.delays or [0]):.1f} s after the minute, at most "
            f"{max(self.delays, default=0):.1f} s; daemon {self.cpu_seconds / hours:.0f} CPU s/h; "
            f"{self.evaluations / self.minutes:.0f} evaluations a minute, "
            f"{self.evaluation_bytes / hours / 1e6:.0f} MB/h"
        )


def create_home(home: Path, days: int) -> None:
    """Create a home in which all partitions up to yesterday are materialized."""
    home.mkdir()
    (home / "dagster.yaml").write_text(_CONFIG)
    today = datetime.now(UTC).date()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.add_dynamic_partitions("symbols", measured.SYMBOLS)
        for ago in range(1, days):
            for symbol in measured.SYMBOLS:
                key = f"{today - timedelta(days=ago)}|{symbol}"
                for name in measured.NAMES:
                    event = dg.AssetMaterialization(name, partition=key)
                    instance.report_runless_asset_event(event)


def measure(folder: Path, days: int, minutes: int) -> Iterator[Measurement]:
    """Run all variants at the same time."""
    create_home(folder / "full", days)
    homes = {variant: folder / variant for variant in VARIANTS}
    for home in homes.values():
        shutil.copytree(folder / "full", home)
    daemons = {variant: start_daemon(home, variant, days) for variant, home in homes.items()}
    try:
        time.sleep(_WARM_UP_SECONDS)
        begin, before = (
            time.time(),
            {name: read_state(homes[name], daemons[name]) for name in VARIANTS},
        )
        time.sleep(minutes * 60)
        for name in VARIANTS:
            after = read_state(homes[name], daemons[name])
            spent = [now - then for now, then in zip(after, before[name], strict=True)]
            yield Measurement(
                name,
                minutes,
                list_delays(homes[name], begin),
                spent[0],
                int(spent[1]),
                int(spent[2]),
            )
    finally:
        for daemon in daemons.values():
            end_tree(daemon)


def start_daemon(home: Path, variant: str, days: int) -> psutil.Popen:
    environment: Mapping[str, str] = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        measured.AUTOMATION_VARIABLE: variant,
        measured.DAYS_VARIABLE: str(days),
    }
    command = [sys.executable, "-m", "dagster._daemon", "run", "-m", measured.__name__]
    with (home / "daemon.log").open("wb") as log:
        return psutil.Popen(
            [*with_parent(), *command], env=environment, stdout=log, stderr=subprocess.STDOUT
        )


def read_state(home: Path, daemon: psutil.Popen) -> tuple[float, float, float]:
    """Return the daemon's CPU seconds, without its children, the evaluations and their bytes."""
    spent = daemon.cpu_times()
    with closing(sqlite3.connect(home / "schedules" / "schedules.db", timeout=60)) as database:
        count, size = database.execute(
            "SELECT count(*), coalesce(sum(length(asset_evaluation_body)), 0)"
            " FROM asset_daemon_asset_evaluations"
        ).fetchone()
    return spent.user + spent.system, count, size


def list_delays(home: Path, begin: float) -> list[float]:
    """List how many seconds after a minute the runs since `begin` were created."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        created = [record.create_timestamp.timestamp() for record in instance.get_run_records()]
    return [instant % 60 for instant in created if instant >= begin]


def end_tree(daemon: psutil.Popen) -> None:
    """Kill a daemon, its code server and its runs."""
    family = [daemon, *daemon.children(recursive=True)]
    for process in family:
        if process.is_running():
            process.kill()
    daemon.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--minutes", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="crypto-assets-") as folder:
        for measurement in measure(Path(folder), options.days, options.minutes):
            print(measurement, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

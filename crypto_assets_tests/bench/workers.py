"""Measures a backfill of one symbol by one worker and by two, on an exchange that takes its time.

Every daily file of the archive takes as long as one over the internet, so that neither the database
nor the processors of this machine limit the speed.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import yaml

from crypto_assets_tests.bench import homes
from crypto_assets_tests.bench.command_costs import CommandFailed
from crypto_assets_tests.bench.servers import Servers, start_exchange
from crypto_assets_tests.bench.workload import Workload
from crypto_assets_tests.project.repository import text
from crypto_assets_tests.services.lifetime import with_parent
from crypto_assets_tests.services.redis import run_redis

_RUN_DAYS, _MAX_DAYS = 10, 60
_ARCHIVE_SECONDS, _READY_SECONDS = 1.0, 120
_WORKER = ("-m", "crypto_assets.dagster_ext.worker", "--queue", "backfills", "--processes", "1")


def measure_workers(servers: Servers, workload: Workload) -> Iterator[tuple[str, float]]:
    """Measure the rates, the gain of the second worker, and the CPU seconds of each process."""
    part = Workload(workload.symbols[:1], min(workload.days, _MAX_DAYS))
    rates = []
    for count in (1, 2):
        seconds, spent = _run_backfill(servers, part, count)
        rates.append(part.rows / seconds)
        yield f"workers_{count}_rows_s", rates[-1]
    yield "workers_speedup", rates[1] / rates[0]
    for name, used in spent.items():
        yield f"workers_cpu_s_per_million_{name}", used / part.rows * 1e6


def _run_backfill(servers: Servers, part: Workload, count: int) -> tuple[float, dict[str, float]]:
    """Run a backfill in a new home; return its seconds, and the CPU seconds by process."""
    faults = servers.folder / "slow-archive.json"
    faults.write_text(json.dumps([{"do": "stall", "seconds": _ARCHIVE_SECONDS, "path": "/data/*"}]))
    with ExitStack() as stack:
        log = servers.folder / f"workers-exchange-{count}.log"
        exchange = stack.enter_context(start_exchange(part.noon_after, log, faults=faults))
        folder = servers.folder / f"redis-{count}"
        folder.mkdir()
        redis = stack.enter_context(run_redis(folder))
        own = homes.init_home_on_servers(servers, part, f"workers-{count}", "day")
        home = {
            **own,
            "CRYPTO_EXCHANGE_URL": exchange.url,
            "CRYPTO_ARCHIVE_URL": exchange.url,
            "CRYPTO_BROKER_URL": redis.url,
            "CRYPTO_BACKFILL_RUN_DAYS": str(_RUN_DAYS),
            "DAGSTER_HOME": str(_write_dagster_home(servers, Path(own["CRYPTO_HOME"]))),
        }
        workers = [
            stack.enter_context(_start_worker(home, f"host-{number}")) for number in range(count)
        ]
        measured = {
            "mariadb": servers.mariadb.pid,
            "s3": servers.s3.pid,
            "exchange": exchange.pid,
            **{f"worker_{number}": pid for number, pid in enumerate(workers)},
        }
        before = {name: _read_family_seconds(pid) for name, pid in measured.items()}
        figures = homes.measure_inside(home, "queued-backfill", *part.make_options())
        spent = {name: _read_family_seconds(pid) - before[name] for name, pid in measured.items()}
    servers.mariadb.execute(f"DROP DATABASE {homes.get_database_name(own)}")
    return float(figures["seconds"]), spent


def _write_dagster_home(servers: Servers, home: Path) -> Path:
    """Write the `dagster.yaml` of workers, with the storage on the measured server."""
    config = yaml.safe_load(text("deploy/celery/dagster.yaml"))
    del config["compute_logs"]
    config["storage"]["custom"]["config"] = {"mysql_url": servers.mariadb.fresh()}
    folder = home / "dagster-workers"
    folder.mkdir()
    (folder / "dagster.yaml").write_text(yaml.safe_dump(config))
    return folder


@contextmanager
def _start_worker(home: homes.Environment, host: str) -> Iterator[int]:
    """Run a worker under a host name of its own; yield its pid."""
    named = ["unshare", "-u", "sh", "-c", 'hostname "$0" && exec "$@"', host]
    log = Path(home["CRYPTO_HOME"]) / f"{host}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*with_parent(), *named, sys.executable, *_WORKER],
            env=dict(home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + _READY_SECONDS
        while " ready." not in log.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise CommandFailed(f"the worker did not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _read_family_seconds(pid: int) -> float:
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    times = [member.cpu_times() for member in family]
    return float(sum(one.user + one.system for one in times))

"""Homes for measurements, each with its own lake and warehouse, and commands in them."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crypto_assets_tests.bench.command_costs import CommandCosts, CommandFailed, run_command
from crypto_assets_tests.bench.inside import FIGURES_PREFIX
from crypto_assets_tests.bench.servers import Servers
from crypto_assets_tests.bench.workload import Workload
from crypto_assets_tests.cli.conftest import COMMAND, desk_at

_INSIDE = [sys.executable, "-m", "crypto_assets_tests.bench.inside"]

Environment = Mapping[str, str]


def init_embedded_home(servers: Servers, workload: Workload, name: str, unit: str) -> Environment:
    """Initialize a home with a directory and SQLite; return its environment."""
    return _init_home(servers, workload, name, PARTITION_UNIT=unit)


def init_home_on_servers(servers: Servers, workload: Workload, name: str, unit: str) -> Environment:
    """Initialize a home with buckets and a database on the servers; return its environment."""
    return _init_home(
        servers,
        workload,
        name,
        PARTITION_UNIT=unit,
        WAREHOUSE_URL=servers.mariadb.fresh(),
        LAKE_RAW_URL=f"s3://{servers.s3.bucket_name()}",
        LAKE_ARCHIVE_URL=f"s3://{servers.s3.bucket_name()}",
    )


def get_database_name(home: Environment) -> str:
    return home["CRYPTO_WAREHOUSE_URL"].rpartition("/")[2]


def run_backfill(servers: Servers, workload: Workload, home: Environment) -> CommandCosts:
    """Run `crypto-assets backfill` to its end."""
    return run_command(
        [*COMMAND, "backfill", *workload.make_options()], home, _log_path(home), servers.pids
    )


def run_backfill_without_dagster(
    servers: Servers, workload: Workload, home: Environment
) -> CommandCosts:
    """Run the same work in a process without Dagster."""
    return run_command(
        [*_INSIDE, "backfill", *workload.make_options()], home, _log_path(home), servers.pids
    )


def measure_inside(home: Environment, *arguments: str) -> Any:
    """Return what a process in the home measures. Raises CommandFailed."""
    process = subprocess.run([*_INSIDE, *arguments], env=home, capture_output=True, text=True)
    lines = [line for line in process.stdout.splitlines() if line.startswith(FIGURES_PREFIX)]
    if process.returncode or not lines:
        raise CommandFailed(f"{' '.join(arguments)}: {(process.stdout + process.stderr)[-2000:]}")
    return json.loads(lines[-1].removeprefix(FIGURES_PREFIX))


def _init_home(servers: Servers, workload: Workload, name: str, **settings: str) -> Environment:
    symbols = ",".join(workload.symbols)
    desk = desk_at(servers.folder / name, servers.exchange.url, SYMBOLS=symbols, **settings)
    home = {**desk.environment, **servers.s3.environment()}
    subprocess.run([*COMMAND, "init"], env=home, check=True, stdout=subprocess.DEVNULL)
    return home


def _log_path(home: Environment) -> Path:
    return Path(home["CRYPTO_HOME"]) / "command.log"

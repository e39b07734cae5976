"""Homes to measure in, each with a lake and a warehouse of its own, and what runs in them."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crypto_assets_tests.bench.servers import Servers
from crypto_assets_tests.bench.watch import CommandFailed, Watched, watched
from crypto_assets_tests.bench.work import Work
from crypto_assets_tests.cli.conftest import COMMAND, desk_at

_INSIDE = [sys.executable, "-m", "crypto_assets_tests.bench.inside"]
_MARK = "figures:"

Environment = Mapping[str, str]


def embedded(servers: Servers, work: Work, name: str, unit: str) -> Environment:
    """The environment of a home with a directory and SQLite, after `crypto-assets init`."""
    return _initialised(servers, work, name, PARTITION_UNIT=unit)


def on_servers(servers: Servers, work: Work, name: str, unit: str) -> Environment:
    """The same with buckets and a database on the servers."""
    return _initialised(
        servers,
        work,
        name,
        PARTITION_UNIT=unit,
        WAREHOUSE_URL=servers.mariadb.fresh(),
        LAKE_RAW_URL=f"s3://{servers.s3.bucket_name()}",
        LAKE_ARCHIVE_URL=f"s3://{servers.s3.bucket_name()}",
    )


def database(home: Environment) -> str:
    return home["CRYPTO_WAREHOUSE_URL"].rpartition("/")[2]


def backfill(servers: Servers, work: Work, home: Environment) -> Watched:
    """`crypto-assets backfill` from its start to its end."""
    return watched([*COMMAND, "backfill", *work.options()], home, _log(home), servers.pids)


def backfill_alone(servers: Servers, work: Work, home: Environment) -> Watched:
    """The same without Dagster."""
    return watched([*_INSIDE, "backfill", *work.options()], home, _log(home), servers.pids)


def inside(home: Environment, *words: str) -> Any:
    """What a process in the home has measured. Raises CommandFailed."""
    done = subprocess.run([*_INSIDE, *words], env=home, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    if done.returncode or not lines:
        raise CommandFailed(f"{' '.join(words)}: {(done.stdout + done.stderr)[-2000:]}")
    return json.loads(lines[-1].removeprefix(_MARK))


def _initialised(servers: Servers, work: Work, name: str, **settings: str) -> Environment:
    symbols = ",".join(work.symbols)
    desk = desk_at(servers.folder / name, servers.exchange.url, SYMBOLS=symbols, **settings)
    home = {**desk.environment, **servers.s3.environment()}
    subprocess.run([*COMMAND, "init"], env=home, check=True, stdout=subprocess.DEVNULL)
    return home


def _log(home: Environment) -> Path:
    return Path(home["CRYPTO_HOME"]) / "command.log"

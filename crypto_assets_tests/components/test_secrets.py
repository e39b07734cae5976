"""No secret of the environment is stored by Dagster or written into a file of the home."""

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crypto_assets.cli import served_programs
from crypto_assets.orchestrator.repository import find_loaded_repository
from crypto_assets.orchestrator.runs import LaunchRequest, launch_run
from crypto_assets.settings import PROJECT_ROOT
from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.components.project_copy import ProjectCopy
from crypto_assets_tests.components.test_exchange_candles import scaffold
from crypto_assets_tests.pipeline.conftest import TODAY
from crypto_assets_tests.services.dagster_tree import Tree, wait_for
from crypto_assets_tests.services.exchange import StartExchange
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.services.s3 import S3Server

KEY = f"{TODAY - timedelta(days=1)}|BTCUSDT"
SECRETS = {
    "the warehouse's password": "planted-first-word",
    "the other warehouse's password": "planted-second-word",
    "a wrong password": "planted-third-word",
    "the webhook": "planted-hook",
    "the operator's token": "planted-token",
}
# Found in the same places, which shows that the search reads them.
VARIABLE = "OTHER_WAREHOUSE_URL"
_LOCATION = """
{ repositoriesOrError { ... on RepositoryConnection { nodes {
    displayMetadata { key value }
    allTopLevelResourceDetails {
      name description resourceType
      configFields { name description configTypeKey }
      configuredValues { key value type }
    }
    assetNodes { id metadataEntries { __typename label description
      ... on TextMetadataEntry { text } ... on PathMetadataEntry { path }
      ... on UrlMetadataEntry { url } ... on JsonMetadataEntry { jsonString } } }
} } } }
"""


def read_cells(database: Path) -> Iterator[bytes]:
    """Yield every value of every table, snapshots decompressed."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for row in connection.execute(f'SELECT * FROM "{table.decode()}"'):
                for value in row:
                    content = value if isinstance(value, bytes) else str(value).encode()
                    yield content
                    try:
                        yield zlib.decompress(content)
                    except zlib.error:
                        continue


def collect_texts(home: Path, location: Any) -> Iterator[tuple[str, bytes]]:
    """Yield where and what Dagster stores, logs and shows."""
    yield "GraphQL", json.dumps(location).encode()
    for path in sorted(home.parent.rglob("*")):
        if not path.is_file() or (home.parent / "crypto_assets") in path.parents:
            continue
        content = path.read_bytes()
        yield str(path), content
        if content.startswith(b"SQLite format 3"):
            yield str(path), b"\n".join(read_cells(path))


def create_databases(mariadb: DatabaseServer) -> dict[str, str]:
    """Create two databases, each with a user of its own; return their addresses."""
    addresses = {}
    for user, password in {
        "first": SECRETS["the warehouse's password"],
        "other": SECRETS["the other warehouse's password"],
    }.items():
        database = mariadb.fresh().rpartition("/")[2]
        mariadb.execute(
            f"DROP USER IF EXISTS {user}@'127.0.0.1'",
            f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY '{password}'",
            f"GRANT ALL ON {database}.* TO {user}@'127.0.0.1'",
        )
        addresses[user] = mariadb.url(database, user, password)
    return addresses


@pytest.mark.timeout(1200)
def test_no_secret_is_stored_or_logged(
    tmp_path: Path,
    simulated_exchange: StartExchange,
    mariadb: DatabaseServer,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, other = simulated_exchange(seed=1), simulated_exchange(seed=2)
    addresses = create_databases(mariadb)
    project = ProjectCopy.make(
        tmp_path / "copy",
        first.url,
        WAREHOUSE_URL=addresses["first"],
        LAKE_RAW_URL=f"s3://{s3_server.bucket_name()}",
        ALERT_WEBHOOK_URL=f"http://127.0.0.1:9/{SECRETS['the webhook']}",
        API_TOKEN=SECRETS["the operator's token"],
    )
    environment: Any = project.desk.environment
    environment |= {**s3_server.environment(), VARIABLE: addresses["other"]}
    yaml = scaffold(project, "other", other.url)
    text = yaml.read_text()
    yaml.write_text(text.replace("  # warehouse:", "  warehouse:"))
    assert yaml.read_text() != text
    # A third market cannot open its warehouse, so that errors are searched as well.
    wrong = addresses["other"].replace(
        SECRETS["the other warehouse's password"], SECRETS["a wrong password"]
    )
    environment["BROKEN_WAREHOUSE_URL"] = wrong
    broken = scaffold(project, "broken", other.url)
    broken.write_text(broken.read_text().replace("  # warehouse:", "  warehouse:"))

    # Dagster imports the code location from the working folder before any other.
    monkeypatch.chdir(project.folder)
    monkeypatch.setattr(served_programs, "PROJECT_ROOT", project.folder)
    tree = Tree(project.desk, require_free_port(0))
    environment["CRYPTO_DAGSTER_URL"] = tree.url
    home = project.desk.home / "dagster"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text((PROJECT_ROOT / "dagster.yaml").read_text())
    (project.folder / "logs").mkdir()
    tree.init()
    try:
        tree.start_webserver()
        tree.switch_all(running=False, but=("other_symbols", "broken_symbols", "run_failures"))
        tree.start_daemon()
        wait_for(lambda: has_symbols(tree, "other_symbols"))
        repository = find_loaded_repository(tree.webserver)
        runs = {
            launch_run(
                tree.webserver,
                LaunchRequest(
                    repository,
                    f"{prefix}backfill",
                    {
                        "dagster/asset_partition_range_start": KEY,
                        "dagster/asset_partition_range_end": KEY,
                    },
                ),
            ): status
            for prefix, status in (("", "SUCCESS"), ("other_", "SUCCESS"), ("broken_", "FAILURE"))
        }
        wait_for(lambda: {"SUCCESS", "FAILURE"} >= set(statuses(tree, runs).values()))
        assert statuses(tree, runs) == runs
        location = tree.webserver.run_query(_LOCATION)
    finally:
        tree.kill_all()

    secrets = {**SECRETS, "the S3 key": s3_server.secret_key}
    leaks, witnesses = [], set()
    for where, content in collect_texts(project.desk.home, location):
        leaks += [
            f"{name} in {where}" for name, text in secrets.items() if text.encode() in content
        ]
        if VARIABLE.encode() in content:
            witnesses.add(Path(where).name)
    assert leaks == []
    assert {"GraphQL", "runs.db"} <= witnesses


def has_symbols(tree: Tree, name: str) -> bool:
    index = tree.desk.home / "dagster" / "history" / "runs" / "index.db"
    with closing(sqlite3.connect(f"file:{index}?mode=ro", uri=True)) as connection:
        query = "SELECT count(*) FROM dynamic_partitions WHERE partitions_def_name = ?"
        return bool(connection.execute(query, (name,)).fetchone()[0])


def statuses(tree: Tree, runs: dict[str, str]) -> dict[str, str]:
    return {run["runId"]: run["status"] for run in tree.runs() if run["runId"] in runs}

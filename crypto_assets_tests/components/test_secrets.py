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
from pydantic import SecretStr

from crypto_assets.cli import served_programs
from crypto_assets.installation import PROJECT_ROOT
from crypto_assets.orchestrator.webserver_client import WebserverClient
from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.components.project_copy import ProjectCopy
from crypto_assets_tests.components.test_exchange_candles import IN_COPY
from crypto_assets_tests.pipeline.conftest import TODAY
from crypto_assets_tests.services.dagster_tree import Tree
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
VARIABLE = "OTHER_WAREHOUSE_URL"
# Found in these places, which shows that the search reads them.
WITNESSES = {
    "GraphQL": VARIABLE,
    "runs.db": "other_platform",
    "index.db": '["other", "fact_klines"]',
}
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
_RUNS = """
{ runsOrError { ... on Runs { results {
    jobName status runConfigYaml tags { key value }
    eventConnection { events { __typename ... on MessageEvent { message }
      ... on ExecutionStepFailureEvent { error { message stack causes { message stack } } } } }
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


def collect_texts(home: Path, shown: Any) -> Iterator[tuple[str, bytes]]:
    """Yield where and what Dagster stores, logs and shows."""
    yield "GraphQL", json.dumps(shown).encode()
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
        OPERATOR_TOKEN=SECRETS["the operator's token"],
    )
    environment: Any = project.desk.environment
    environment |= {**s3_server.environment(), VARIABLE: addresses["other"]}
    yaml = project.scaffold_market("other", other.url)
    text = yaml.read_text()
    yaml.write_text(text.replace("  # warehouse:", "  warehouse:"))
    assert yaml.read_text() != text
    # A third market cannot open its warehouse, so that errors are searched as well.
    wrong = addresses["other"].replace(
        SECRETS["the other warehouse's password"], SECRETS["a wrong password"]
    )
    environment["BROKEN_WAREHOUSE_URL"] = wrong
    broken = project.scaffold_market("broken", other.url)
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
        outcomes = project.python(IN_COPY, KEY, "", "other_", "broken_")
        webserver = WebserverClient(tree.url, token=SecretStr(SECRETS["the operator's token"]))
        shown = [outcomes, webserver.run_query(_LOCATION), webserver.run_query(_RUNS)]
    finally:
        tree.kill_all()
    assert [outcome["failures"] for outcome in outcomes[:2]] == ["", ""]
    assert "rejects user 'other'" in outcomes[2]["failures"]

    secrets = {**SECRETS, "the S3 key": s3_server.secret_key}
    leaks, found = [], set()
    for where, content in collect_texts(project.desk.home, shown):
        name = Path(where).name
        leaks += [
            f"{secret} in {where}" for secret, text in secrets.items() if text.encode() in content
        ]
        if name in WITNESSES and WITNESSES[name].encode() in content:
            found.add(name)
    assert leaks == []
    assert found == set(WITNESSES)

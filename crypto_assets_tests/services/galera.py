"""A Galera cluster of three MariaDB servers: each takes writes, as long as it sees a majority."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pymysql
import pytest

from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.services.lifetime import with_parent
from crypto_assets_tests.services.mariadb import (
    THROWAWAY,
    DatabaseServer,
    build_server_command,
    get_empty_database,
    start_server,
)

NODES = 3
READY_SECONDS = 60
PROVIDERS = ("/usr/lib/galera/libgalera_smm.so", "/usr/local/lib/galera/libgalera_smm.so")
# Sends a joining node the position of its donor. All nodes begin with the same files, so that the
# donor's recent writes are all that it lacks, and Galera transfers these itself.
_TRANSFER = """#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
    --role) role=$2 ;;
    --address) address=$2 ;;
    --datadir) directory=$2 ;;
    --gtid) position=$2 ;;
    --bypass) has_files=1 ;;
    esac
    shift
done
if [ "$role" = joiner ]; then
    rm -f "$directory/position"
    echo "ready $address/$directory"
    until [ -s "$directory/position" ]; do sleep 0.05; done
    cat "$directory/position"
else
    [ -n "$has_files" ] || exit 1
    target=/${address#*/}
    echo "$position" >"$target/position.new"
    mv "$target/position.new" "$target/position"
    echo "done $position"
fi
"""


@pytest.fixture(scope="module")
def galera(
    tmp_path_factory: pytest.TempPathFactory, installed_databases: Path
) -> Iterator[list[DatabaseServer]]:
    """Start the nodes; a test may kill some."""
    folder = tmp_path_factory.mktemp("galera")
    programs = folder / "programs"
    programs.mkdir()
    script = programs / "wsrep_sst_position"
    script.write_text(_TRANSFER)
    script.chmod(0o755)
    addresses = [f"127.0.0.1:{require_free_port(0)}" for _ in range(NODES)]
    with pytest.MonkeyPatch.context() as patch, ExitStack() as started:
        patch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        common = folder / "common"
        common.mkdir()
        _prepare_files(common, installed_databases)
        nodes: list[DatabaseServer] = []
        for number, address in enumerate(addresses):
            options = [*THROWAWAY, *_build_options(address, addresses if number else [])]
            node = folder / f"node-{number}"
            node.mkdir()
            servers = start_server("mariadb", node, options, common)
            started.callback(servers.close)
            nodes.append(next(servers))
            wait_until_synced(nodes[-1])
        yield nodes


def wait_until_synced(node: DatabaseServer) -> None:
    """Wait until a node has joined and has all data."""
    deadline = time.monotonic() + READY_SECONDS
    while read_status(node, "wsrep_local_state_comment") != "Synced":
        assert time.monotonic() < deadline, "the node has not joined"
        time.sleep(0.1)


def read_status(node: DatabaseServer, name: str) -> str:
    with node.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE %s", (name,))
        _, value = cursor.fetchone() or ("", "")
        return str(value)


def _prepare_files(folder: Path, installed: Path) -> None:
    """Create the files with which all nodes begin: those of a cluster that was shut down."""
    data = folder / "mariadb-empty"
    shutil.copytree(get_empty_database("mariadb", installed), data)
    port = require_free_port(0)
    options = [*THROWAWAY, *_build_options(f"127.0.0.1:{require_free_port(0)}", [])]
    command = [*with_parent(), *build_server_command("mariadb", data, port), *options]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    server = DatabaseServer(port, process.pid)
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None:
        assert time.monotonic() < deadline, (folder / "server.log").read_text()[-2000:]
        try:
            # Refused until the node is the primary component.
            server.execute("SELECT 1 FROM mysql.user LIMIT 1", "SHUTDOWN")
            break
        except pymysql.err.OperationalError:
            time.sleep(0.05)
    process.wait(READY_SECONDS)
    (data / "galera.cache").unlink()


def _build_options(address: str, members: list[str]) -> list[str]:
    """Return the options of a node; without members it begins a cluster."""
    provider = next((path for path in PROVIDERS if Path(path).exists()), None)
    if provider is None:
        pytest.fail(
            "libgalera_smm.so is missing: `make test` installs it on Debian and Ubuntu; elsewhere "
            f"install your system's package of Galera 4 so that {PROVIDERS[0]} exists"
        )
    host, _, port = address.partition(":")
    own = {
        "base_host": host,
        "base_port": port,
        "gmcast.listen_addr": f"tcp://{address}",
        "ist.recv_addr": f"{host}:{require_free_port(0)}",
        "gcache.size": "64M",
    }
    return [
        "--wsrep-on=ON",
        f"--wsrep-provider={provider}",
        "--wsrep-cluster-name=test",
        f"--wsrep-cluster-address=gcomm://{','.join(members)}",
        f"--wsrep-node-address={address}",
        f"--wsrep-provider-options={';'.join(f'{key}={value}' for key, value in own.items())}",
        "--wsrep-sst-method=position",
        "--binlog-format=ROW",
        "--innodb-autoinc-lock-mode=2",
        *([] if members else ["--wsrep-new-cluster"]),
    ]

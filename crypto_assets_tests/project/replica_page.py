"""Runs the statements of docs/replicas.md, word for word, on two servers."""

import re
import textwrap
from collections.abc import Mapping
from configparser import ConfigParser
from typing import Any

from pymysql.cursors import DictCursor

from crypto_assets_tests.project.repository import text
from crypto_assets_tests.services.mariadb import DatabaseServer

Row = dict[str, Any]
_BLOCK = re.compile(r"On `(db-\d)`(?:(?!```).)*?```sql\n(.*?)```", re.DOTALL)


def read_server_options(server_id: int) -> list[str]:
    """Return the options of a server as arguments of its program."""
    parser = ConfigParser()
    (block,) = re.findall(r"```ini\n(.*?)```", _read_section("Set up"), re.DOTALL)
    parser.read_string(block)
    options = {**parser["mariadb"], "server_id": str(server_id)}
    return [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]


def list_steps(heading: str) -> list[tuple[str, list[str]]]:
    """List the SQL of a section: the host of each block, and its statements."""
    return [
        (host, [one.strip() for one in textwrap.dedent(block).split(";\n") if one.strip()])
        for host, block in _BLOCK.findall(_read_section(heading))
    ]


def list_commands(heading: str) -> list[list[str]]:
    """List the words after `crypto-assets` of the commands in a section."""
    lines = re.findall(r"^ *crypto-assets (.+)", _read_section(heading), re.MULTILINE)
    return [line.split() for line in lines]


def run_step(step: tuple[str, list[str]], servers: Mapping[str, DatabaseServer]) -> list[Row]:
    """Run the statements of a block on its host, and return the rows of the last one."""
    host, statements = step
    rows: list[Row] = []
    with servers[host].connect() as connection, connection.cursor(DictCursor) as cursor:
        for statement in statements:
            cursor.execute(_replace_hosts(statement, servers))
            rows = list(cursor.fetchall())
    return rows


def _replace_hosts(statement: str, servers: Mapping[str, DatabaseServer]) -> str:
    """Replace the hosts and the port of a replication by the servers of this machine."""
    for host, server in servers.items():
        there = f"MASTER_HOST = '{host}', MASTER_PORT = 3306"
        here = f"MASTER_HOST = '127.0.0.1', MASTER_PORT = {server.port}"
        statement = statement.replace(there, here)
    return statement


def _read_section(heading: str) -> str:
    _, _, rest = text("docs/replicas.md").partition(f"\n## {heading}\n")
    assert rest, heading
    return rest.partition("\n## ")[0]

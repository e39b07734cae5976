"""Homes whose path contains characters with a meaning in URLs."""

import subprocess
from pathlib import Path

import pytest
import yaml

from crypto_assets.installation import PROJECT_ROOT
from crypto_assets_tests.cli.conftest import COMMAND, MakeDesk, desk_at
from crypto_assets_tests.project.repository import text
from crypto_assets_tests.services.exchange import NOON, StartExchange
from crypto_assets_tests.services.mariadb import DatabaseServer, create_dagster_database

_DAY = ("--from", "2025-03-05", "--to", "2025-03-05")


# 200 characters, including those with a meaning for shells or URLs.
_ODD = '50% #1 \u00fc\u5e01 it\'s "quoted" & $HOME+;'.ljust(200, "n")


def test_everything_works_in_a_home_of_any_name(
    simulated_exchange: StartExchange, make_desk: MakeDesk
) -> None:
    server = simulated_exchange(now=NOON)
    home = make_desk(server).home / _ODD
    desk = desk_at(home, server.url)
    for words in (("init",), ("backfill", *_DAY), ("status",), ("verify", *_DAY)):
        ran = desk.run(*words)
        assert ran.code == 0, ran.err
    assert (home / "warehouse.db").is_file()
    assert (home / "dagster" / "dagster.yaml").is_file()
    assert [path.name for path in home.parent.iterdir()] == [_ODD]


@pytest.mark.parametrize("name", ["a?b=1", "x%41y", "50% #1 é"])
def test_dagsters_database_is_in_a_home_of_any_name(
    simulated_exchange: StartExchange, make_desk: MakeDesk, name: str
) -> None:
    """Dagster puts the path into a URL without escaping it."""
    server = simulated_exchange(now=NOON)
    home = make_desk(server).home / name
    desk = desk_at(home, server.url)
    for words in (("init",), ("init",), ("backfill", *_DAY)):
        ran = desk.run(*words)
        assert ran.code == 0, ran.err
        assert "changes" not in ran.err
    assert [path.name for path in home.parent.iterdir()] == [name]
    history = home / "dagster" / "history"
    assert (history / "runs.db").is_file()
    assert len(list((history / "runs").glob("*-*.db"))) == 1
    ran = desk.run("init", CRYPTO_HOME=str(home.rename(home.with_name("moved"))))
    assert (ran.code, ran.err) == (0, "")
    assert "base_dir" not in (home.parent / "moved" / "dagster" / "dagster.yaml").read_text()


def test_a_dagster_yaml_of_ones_own_in_such_a_home_is_rejected(make_desk: MakeDesk) -> None:
    home = make_desk("http://127.0.0.1:9").home / "a?b"
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    ran = desk_at(home, "http://127.0.0.1:9").run("init")
    assert ran.code == 2
    assert "DAGSTER_HOME" in ran.complaint and "delete dagster.yaml" in ran.complaint


def test_init_with_dagsters_home_read_only(
    simulated_exchange: StartExchange, make_desk: MakeDesk, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    """A `dagster.yaml` of one's own in a ConfigMap of Kubernetes, with the database on a server."""
    desk = make_desk(simulated_exchange(now=NOON))
    dagster_home = tmp_path / "configuration"
    dagster_home.mkdir()
    storage = yaml.safe_load(text("deploy/dagster.yaml"))["storage"]
    own = yaml.dump({"storage": storage, "telemetry": {"enabled": False}})
    (dagster_home / "dagster.yaml").write_text(own)
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
    command = ["sh", "-c", script, "sh", str(dagster_home), *COMMAND, "init"]
    with create_dagster_database(mariadb) as variables:
        for _ in range(2):
            ran = subprocess.run(
                ["unshare", "--mount", "--map-root-user", *command],
                env={**desk.environment, **variables, "DAGSTER_HOME": str(dagster_home)},
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0, ran.stderr
            (notice,) = ran.stderr.splitlines()
            assert "Read-only file system" in notice
            assert notice.endswith(str(PROJECT_ROOT / "deploy/dagster.yaml"))
    assert [path.name for path in dagster_home.iterdir()] == ["dagster.yaml"]


def test_a_database_file_of_any_name_is_percent_encoded(
    simulated_exchange: StartExchange, make_desk: MakeDesk
) -> None:
    desk = make_desk(simulated_exchange(now=NOON))
    url = f"sqlite:///{desk.home}/what%3F%2541.db"
    assert desk.run("init", CRYPTO_WAREHOUSE_URL=url).code == 0
    assert (desk.home / "what?%41.db").is_file()
    ran = desk.run("status", CRYPTO_WAREHOUSE_URL=f"sqlite:///{desk.home}/what?timeout=5")
    assert ran.code == 2
    assert "%3F" in ran.complaint

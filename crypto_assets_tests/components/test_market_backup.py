"""`backup` and `restore` of an installation with a further market."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.components.project_copy import ProjectCopy
from crypto_assets_tests.components.test_exchange_candles import (
    DAY,
    IN_COPY,
    assert_holds_day_of,
)
from crypto_assets_tests.services.exchange import StartExchange

KEY = f"{DAY}|BTCUSDT"
SETTING = "a.setting"
# A command writes who ran it.
LOG = "audit_log"


def read_tables(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Read the rows of all tables of a home's warehouse."""
    with closing(sqlite3.connect(home / "warehouse.db")) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sorted(database.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
            for (name,) in names
            if name != LOG
        }


def read_lakes(home: Path) -> dict[str, bytes]:
    """Read the objects of a home's lakes, by their paths."""
    lakes = home / "lake"
    files = (path for path in lakes.rglob("*") if path.is_file())
    return {str(path.relative_to(lakes)): path.read_bytes() for path in files}


@pytest.mark.timeout(900)
def test_a_further_market_is_backed_up_and_restored(
    tmp_path: Path, simulated_exchange: StartExchange
) -> None:
    first, second = simulated_exchange(seed=1), simulated_exchange(seed=2)
    project = ProjectCopy.make(tmp_path / "copy", first.url)
    yaml = project.scaffold_market("other", second.url)
    for outcome in project.python(IN_COPY, KEY, "", "other_"):
        assert outcome["failures"] == ""
    other = project.desk.home / "markets" / "other"
    warehouse = Warehouse(f"sqlite:///{other / 'warehouse.db'}")
    warehouse.app_settings.put_value(SETTING, 7, who="test")
    warehouse.close()
    before = read_tables(other), read_lakes(other)
    assert before[0]["fact_klines"] and len(before[1]) > 2

    # A market whose sensor has not run yet has nothing to back up.
    unused = project.scaffold_market("unused", second.url)
    backups = str(tmp_path / "backups")
    ran = project.command("backup", backups)
    assert ran.code == 0, ran.err
    assert " of the market other: " in ran.out
    assert ran.err.splitlines() == ["warning: the market unused has no stores yet"]
    shutil.rmtree(unused.parent)
    again = project.command("backup", backups, "--keep", "1")
    assert again.code == 0, again.err
    assert again.out.count("deleted the backup") == 2

    restored = tmp_path / "restored"
    place = {"CRYPTO_HOME": str(restored)}
    shutil.move(yaml.parent, tmp_path / "yaml")
    unknown = project.command("restore", backups, "--market", "other", **place)
    assert (unknown.code, "defines the market 'other'" in unknown.complaint) == (2, True)
    shutil.move(tmp_path / "yaml", yaml.parent)
    ran = project.command("restore", backups, **place)
    assert ran.code == 0, ran.err
    assert f"restore {backups} --market other" in ran.out
    assert not (restored / "markets").exists()
    ran = project.command("restore", backups, "--market", "other", **place)
    assert ran.code == 0, ran.err
    assert (
        read_tables(restored / "markets" / "other"),
        read_lakes(restored / "markets" / "other"),
    ) == before
    assert_holds_day_of(restored, first)
    refused = project.command("restore", backups, "--market", "other", **place)
    assert refused.code == 2

    # Dagster knows the market's symbols, and its pipeline continues.
    (outcome,) = project.python(IN_COPY, KEY, "other_", **place)
    assert outcome["tick"] == "nothing to do: all 1 tracked symbols have partitions"
    assert outcome["failures"] == ""
    assert_holds_day_of(restored / "markets" / "other", second)

    # Stores without a YAML file are named.
    shutil.rmtree(yaml.parent)
    ran = project.command("backup", backups)
    assert ran.code == 0
    assert "the market other has no YAML file any more" in ran.err

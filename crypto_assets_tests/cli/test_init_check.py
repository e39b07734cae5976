"""`init --check` says what `init` would change, and changes nothing."""

import sqlite3
from contextlib import closing

from crypto_assets_tests.cli.conftest import MakeDesk
from crypto_assets_tests.services.exchange import NOON, StartExchange


def test_each_change_is_listed_until_it_is_made(
    simulated_exchange: StartExchange, make_desk: MakeDesk
) -> None:
    desk = make_desk(simulated_exchange(now=NOON))
    ran = desk.run("init", "--check")
    assert ran.code == 1
    assert [line.split(" to ")[0] for line in ran.out.splitlines()] == [
        "warehouse: upgrade the schema",
        "write the current dagster.yaml",
        "write a random operator token",
    ]
    assert not (desk.home / "warehouse.db").exists()
    assert desk.run("init").code == 0
    ran = desk.run("init", "--check")
    assert (ran.code, ran.out) == (0, f"{desk.home} is up to date\n")
    ran = desk.run("init", "--check", CRYPTO_SYMBOLS="BTCUSDT,ETHUSDT")
    assert (ran.code, ran.out) == (1, "warehouse: track ETHUSDT\n")
    config = desk.home / "dagster" / "dagster.yaml"
    config.write_text(config.read_text() + "\n# changed by a person\n")
    assert desk.run("init", "--check").code == 0, "it stays"
    with closing(sqlite3.connect(desk.home / "warehouse.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.execute("DELETE FROM app_settings WHERE name = 'state.oldest_program'")
        database.commit()
    ran = desk.run("init", "--check")
    assert ran.code == 1
    assert "install a newer crypto-assets" in ran.complaint

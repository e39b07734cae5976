"""Output and exit codes of verify, rebuild and import."""

import getpass
import os
import re
import sqlite3
from datetime import date
from pathlib import Path

import orjson
import pytest

from crypto_assets.exchange import BinanceRest
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window, format_utc
from crypto_assets_tests.cli.conftest import Desk, MakeDesk
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

DAY = date(2025, 3, 5)
RANGE = ("--from", str(DAY), "--to", str(DAY))
AT = Window.of_day(DAY).start_ms + 9 * HOUR_MS + 7 * MINUTE_MS
HOLE = Window.of_day(DAY).start_ms + 15 * HOUR_MS + 10 * MINUTE_MS


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange(now=NOON)


@pytest.fixture
def desk(server: ExchangeServer, make_desk: MakeDesk) -> Desk:
    made = make_desk(server)
    assert made.run("init").code == 0
    return made


def execute(desk: Desk, statement: str) -> None:
    with sqlite3.connect(desk.home / "warehouse.db") as database:
        database.execute(statement)
    database.close()


def advised(out: str) -> list[str]:
    """The arguments of the only command that verify suggests."""
    commands: list[str] = re.findall("`crypto-assets (.*)`", out)
    assert len(commands) == 1, out
    return commands[0].split()


def test_verify_and_rebuild(desk: Desk, server: ExchangeServer) -> None:
    """One test for several steps, since each command takes time to start."""
    server.faults.add_rule(
        {"do": "outage", "start": format_utc(HOLE), "end": format_utc(HOLE + 20 * MINUTE_MS)}
    )
    assert desk.run("backfill", *RANGE).code == 0
    ran = desk.run("verify", "--from", "2025-03-04", "--to", str(DAY))
    assert (ran.code, ran.err) == (0, "")
    assert "25 hours and days, 1420 minutes, 0 differences" in ran.out
    assert "2025-03-04T00:00:00Z..2025-03-05T00:00:00Z is not loaded" in ran.out
    _check_that_tampering_is_found_and_repaired(desk)
    _check_that_a_lost_warehouse_is_rebuilt(desk)


def test_commands_that_change_data_are_in_the_change_log(desk: Desk, tmp_path: Path) -> None:
    assert desk.run("backfill", *RANGE).code == 0
    assert desk.run("verify", *RANGE).code == 0
    assert desk.run("rebuild", "--symbols", "BTCUSDT", "--from", str(DAY)).code == 0
    # Recorded as they begin, although these two end with an error: the exchange's clock is of 2025,
    # and the folder has no objects.
    desk.run("retain", "--dry-run")
    desk.run("retain", "--yes")
    desk.run("import", str(tmp_path))
    with sqlite3.connect(desk.home / "warehouse.db") as database:
        found = database.execute("SELECT who, name, new_value FROM audit_log ORDER BY audit_id")
        changes = [(who, name, orjson.loads(new)) for who, name, new in found]
    database.close()
    assert {who for who, *_ in changes} == {f"{getpass.getuser()} on the command line"}
    assert [change[1:] for change in changes] == [
        ("symbol BTCUSDT", "tracked"),
        ("backfill", f"BTCUSDT {DAY} to {DAY}"),
        ("rebuild", f"BTCUSDT from {DAY}"),
        ("retain", "without the limit of 7 days"),
        ("import", str(tmp_path)),
    ]


def _check_that_tampering_is_found_and_repaired(desk: Desk) -> None:
    """Change one value, and add a minute within an outage."""
    execute(desk, f"UPDATE fact_klines SET volume = volume + 0.001 WHERE open_time = {AT}")
    columns = (
        "open, high, low, close, volume, quote_volume, trade_count,"
        " taker_buy_volume, taker_buy_quote_volume, fetched_at, source"
    )
    execute(
        desk,
        f"INSERT INTO fact_klines (symbol_id, open_time, close_time, {columns})"
        f" SELECT symbol_id, {HOLE}, {HOLE + MINUTE_MS - 1}, {columns}"
        f" FROM fact_klines WHERE open_time = {HOLE - MINUTE_MS}",
    )
    ran = desk.run("verify", *RANGE)
    assert ran.code == 1
    assert "BTCUSDT" in ran.complaint
    assert "2025-03-05T09:07:00Z volume: ours" in ran.out
    assert "hours with differences: 2025-03-05T09:00:00Z, 2025-03-05T15:00:00Z" in ran.out
    words = advised(ran.out)
    assert words == ["rebuild", "--exact", "--symbols", "BTCUSDT", *RANGE]
    ran = desk.run("verify", *RANGE, "--json")
    assert ran.code == 1
    (found,) = orjson.loads(ran.out).values()
    assert not found["passed"]
    assert {one["interval"] for one in found["differences"]} == {"1m", "1h"}
    ran = desk.run(*words)
    assert (ran.code, ran.err) == (0, "")
    assert "1 days from 1 objects, 1420 minutes (0 were missing, 1 were different)" in ran.out
    assert "1 minutes deleted that were never published" in ran.out


def _check_that_a_lost_warehouse_is_rebuilt(desk: Desk) -> None:
    for path in desk.home.glob("warehouse.db*"):
        path.unlink()
    assert desk.run("init").code == 0
    ran = desk.run("rebuild")
    assert ran.code == 0
    assert "1420 were missing" in ran.out
    assert desk.run("verify", *RANGE).code == 0


def test_a_rebuild_without_objects(desk: Desk) -> None:
    ran = desk.run("rebuild", "--from", "2025-03-06", "--to", "2025-03-05")
    assert ran.code == 2
    assert "swap" in ran.complaint
    ran = desk.run("rebuild", "--symbols", "ETHUSDT")
    assert ran.code == 0
    assert "no objects in the lake; no changes" in ran.out


def test_another_programs_objects(desk: Desk, server: ExchangeServer, tmp_path: Path) -> None:
    start = Window.of_day(date(2025, 3, 4)).start_ms
    rest = BinanceRest(server.url)
    pages = rest.fetch_kline_pages("BTCUSDT", Interval.M1, Window(start, start + HOUR_MS))
    rows = [row for page in pages for row in page]
    folder = tmp_path / "old" / "2025-03-04"
    folder.mkdir(parents=True)
    (folder / f"BTCUSDT_{start}_{start + HOUR_MS}.json").write_bytes(orjson.dumps(rows))
    (folder / "notes.txt").write_text("mine")
    os.utime(folder / "notes.txt")
    ran = desk.run("import", str(tmp_path / "old"))
    assert (ran.code, ran.err) == (0, "")
    assert "BTCUSDT: 60 rows of 1 objects" in ran.out
    assert "not imported: 2025-03-04/notes.txt (1)" in ran.out
    status = orjson.loads(desk.run("status", "--json").out)
    assert status["symbols"][0]["rows"] == 60
    ran = desk.run("import", str(tmp_path / "nowhere" / "at" / "all"))
    assert ran.code == 2
    assert "s3://bucket/prefix" in ran.complaint
    ran = desk.run("import", str(tmp_path / "nowhere"))
    assert ran.code == 1


def test_minutes_of_an_outage_that_another_program_filled_in(
    desk: Desk, server: ExchangeServer, tmp_path: Path
) -> None:
    server.faults.add_rule(
        {"do": "outage", "start": format_utc(HOLE), "end": format_utc(HOLE + 20 * MINUTE_MS)}
    )
    assert desk.run("backfill", *RANGE).code == 0
    price = ["60000.00000000"] * 4
    opens = [HOLE + n * MINUTE_MS for n in range(20)]
    rows = [[at, *price, "0", at + MINUTE_MS - 1, "0", 0, "0", "0", "0"] for at in opens]
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "BTCUSDT.json").write_bytes(orjson.dumps(rows))
    ran = desk.run("import", str(tmp_path / "old"))
    assert (ran.code, ran.err) == (0, "")
    reason = f"imported, but neither the archive of {DAY} nor REST has this minute"
    assert f"BTCUSDT: 20 rows quarantined: {reason}" in ran.out
    assert orjson.loads(desk.run("status", "--json").out)["symbols"][0]["rows"] == 1420
    ran = desk.run("verify", *RANGE)
    assert (ran.code, ran.err) == (0, "")
    assert "1420 minutes, 0 differences" in ran.out

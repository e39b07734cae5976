"""Every command that verify prints repairs the difference."""

import hashlib
import re
import sqlite3
from datetime import date
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from crypto_assets.exchange.simulated import (
    SimulatedClock,
)
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window, format_utc
from crypto_assets_tests.cli.conftest import Desk, MakeDesk, fill_desk
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

FIRST, SECOND = date(2025, 3, 4), date(2025, 3, 5)
RANGE = ("--symbols", "BTCUSDT", "--from", str(FIRST), "--to", str(SECOND))
HOUR = Window.of_day(FIRST).start_ms + 9 * HOUR_MS
AT = HOUR + 7 * MINUTE_MS
TAMPERED = Window.of_day(SECOND).start_ms + 11 * HOUR_MS


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange(now=NOON)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A home with two days of BTCUSDT, which tests copy."""
    return fill_desk(tmp_path_factory.mktemp("filled"), SimulatedClock(NOON, 0), *RANGE)


@pytest.fixture
def desk(filled: Desk, server: ExchangeServer, tmp_path: Path) -> Desk:
    return filled.copy_to(tmp_path / "home", server.url)


def execute(desk: Desk, *statements: str) -> None:
    with sqlite3.connect(desk.home / "warehouse.db") as database:
        for statement in statements:
            database.execute(statement)
    database.close()


def advised(out: str) -> list[list[str]]:
    """The arguments of each command that verify suggests."""
    return [command.split() for command in re.findall("`crypto-assets (.*)`", out)]


def follow_advice(desk: Desk) -> list[list[str]]:
    """Run the commands that verify prints, and check that verify then finds nothing."""
    ran = desk.run("verify", *RANGE)
    assert ran.code == 1, ran.out
    commands = advised(ran.out)
    for words in commands:
        ran = desk.run(*words)
        assert ran.code == 0, ran.err
    ran = desk.run("verify", *RANGE)
    assert ran.code == 0, ran.out
    return commands


def contradict(desk: Desk, server: ExchangeServer) -> None:
    """Restore the state of an earlier version, which preferred the archive's minute to REST's."""
    server.faults.add_rule(
        {
            **{"do": "revise", "in": "archive", "change": {"volume": "+1"}},
            **{"start": format_utc(AT), "end": format_utc(AT + MINUTE_MS)},
        }
    )
    (path,) = (desk.home / "lake" / "raw" / str(FIRST)).glob("BTCUSDT_klines_*_archive.json")
    rows = orjson.loads(path.read_bytes())
    for row in rows:
        if row[0] == AT:
            row[5] = f"{Decimal(row[5]) + 1:f}"
    body = orjson.dumps(rows)
    path.write_bytes(body)
    digest = hashlib.sha256(body).hexdigest()
    periods = {"fact": AT, "hourly": HOUR, "daily": Window.of_day(FIRST).start_ms}
    execute(
        desk,
        f"UPDATE lake_objects SET sha256 = '{digest}', size_bytes = {len(body)}"
        f" WHERE key LIKE '{FIRST}/%archive.json'",
        *(
            f"UPDATE {table}_klines SET volume = volume + 1 WHERE open_time = {at}"
            for table, at in periods.items()
        ),
    )


def tamper(desk: Desk) -> None:
    execute(desk, f"UPDATE fact_klines SET volume = volume + 3 WHERE open_time = {TAMPERED}")


def days(first: date, last: date) -> list[str]:
    return ["--symbols", "BTCUSDT", "--from", str(first), "--to", str(last)]


def test_a_contradiction_of_archive_and_rest_is_fetched_again(
    desk: Desk, server: ExchangeServer
) -> None:
    contradict(desk, server)
    assert follow_advice(desk) == [["backfill", *days(FIRST, FIRST)]]


def test_each_day_gets_the_command_that_repairs_it(desk: Desk, server: ExchangeServer) -> None:
    contradict(desk, server)
    tamper(desk)
    assert follow_advice(desk) == [
        ["backfill", *days(FIRST, FIRST)],
        ["rebuild", *days(SECOND, SECOND)],
    ]


def test_a_lost_object_is_fetched_and_then_rebuilt(desk: Desk, server: ExchangeServer) -> None:
    tamper(desk)
    lost: list[Path] = list((desk.home / "lake" / "raw" / str(SECOND)).glob("*.json"))
    for path in lost:
        path.unlink()
    assert [words[0] for words in follow_advice(desk)] == ["backfill", "rebuild"]


def test_no_command_is_printed_for_expired_minutes(desk: Desk) -> None:
    end = Window.of_day(FIRST).end_ms
    execute(
        desk,
        f"UPDATE extraction_metadata SET purged_before = {end} WHERE kind = 'klines'",
        f"DELETE FROM fact_klines WHERE open_time < {end}",
        f"UPDATE hourly_klines SET volume = volume + 1 WHERE open_time = {HOUR}",
    )
    ran = desk.run("verify", *RANGE)
    assert ran.code == 1
    assert advised(ran.out) == []
    assert f"the minutes of {FIRST} to {FIRST} have expired" in ran.out


def test_a_day_without_objects_is_fetched_before_it_is_rebuilt(
    desk: Desk,
) -> None:
    """Its objects have expired, but not those of the other day."""
    for path in (desk.home / "lake" / "raw" / str(FIRST)).glob("*.json"):
        path.unlink()
    execute(
        desk,
        f"DELETE FROM lake_objects WHERE key LIKE '{FIRST}/%'",
        f"UPDATE hourly_klines SET volume = volume + 1 WHERE open_time = {HOUR}",
    )
    assert follow_advice(desk) == [
        ["backfill", *days(FIRST, FIRST)],
        ["rebuild", *days(FIRST, FIRST)],
    ]


def test_conflicts_in_json_have_no_recorded_at(
    simulated_exchange: StartExchange, make_desk: MakeDesk, tmp_path: Path
) -> None:
    whole = Window.of_day(FIRST)
    for name, step, volumes in (("1m", MINUTE_MS, {}), ("1h", HOUR_MS, {HOUR: 61})):
        rows = ["open_time,open,high,low,close,volume"]
        for at in range(whole.start_ms, whole.end_ms, step):
            rows.append(f"{at},1,1,1,1,{volumes.get(at, step // MINUTE_MS)}")
        (tmp_path / f"BTCUSDT-{name}.csv").write_text("\n".join(rows))
    desk = make_desk(simulated_exchange(now=NOON, data=tmp_path))
    assert desk.run("init").code == 0
    day = days(FIRST, FIRST)
    assert desk.run("backfill", *day).code == 0
    ran = desk.run("verify", *day, "--json")
    assert ran.code == 0, ran.err
    (conflict,) = orjson.loads(ran.out)["BTCUSDT"]["conflicts"]
    assert (conflict["interval"], conflict["open_time"]) == ("1h", HOUR)
    assert "recorded_at" not in conflict

"""A wrong clock expires nothing, and what has expired can be loaded again."""

import shutil
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from crypto_assets.market.utc_time import DAY_MS, day_of, now_ms
from crypto_assets_tests.cli.conftest import COMMAND, Desk, MakeDesk, Ran
from crypto_assets_tests.services.exchange import StartExchange

NOW = now_ms()
FIRST, LAST = day_of(NOW - 3 * DAY_MS), day_of(NOW - 2 * DAY_MS)
RANGE = ("--from", str(FIRST), "--to", str(LAST))


@pytest.fixture
def desk(simulated_exchange: StartExchange, make_desk: MakeDesk) -> Desk:
    """Two days of one symbol, and an exchange whose clock is right."""
    desk = make_desk(simulated_exchange(now=now_ms(), speed=1))
    assert desk.run("init").code == 0
    assert desk.run("backfill", *RANGE).code == 0
    return desk


def retain_at(desk: Desk, offset: str) -> Ran:
    """Run `crypto-assets retain` under a clock that is wrong by an offset."""
    program = shutil.which("faketime")
    assert program, "faketime is missing: sh deploy/install-test-services.sh installs it"
    done = subprocess.run(
        [program, "-f", offset, *COMMAND, "retain"],
        env={**desk.environment, "FAKETIME_DONT_FAKE_MONOTONIC": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def list_files(desk: Desk) -> list[str]:
    """The objects of both lakes."""
    found = (path.relative_to(desk.home) for path in desk.home.rglob("*_klines_*.json"))
    return sorted(map(str, found))


def count_minutes(desk: Desk) -> int:
    with create_engine(f"sqlite:///{desk.home / 'warehouse.db'}").connect() as connection:
        return int(connection.execute(text("SELECT COUNT(*) FROM fact_klines")).scalar_one())


@pytest.mark.parametrize("offset", ["+200d", "+61m", "-400d"])
def test_a_wrong_clock_expires_nothing(desk: Desk, offset: str) -> None:
    files = list_files(desk)
    refused = retain_at(desk, offset)
    assert (refused.code, refused.out) == (1, "")
    assert "nothing was expired, because this machine's clock (" in refused.complaint
    assert ("behind" if offset.startswith("-") else "ahead of") in refused.complaint
    assert (count_minutes(desk), list_files(desk)) == (2 * 1440, files)


def test_an_exchange_that_does_not_respond_expires_nothing(desk: Desk) -> None:
    refused = desk.run("retain", CRYPTO_EXCHANGE_URL="http://127.0.0.1:9")
    assert refused.code == 1
    assert "127.0.0.1:9" in refused.complaint
    assert count_minutes(desk) == 2 * 1440


def test_expired_days_are_loaded_again_on_request(desk: Desk) -> None:
    _expire_minutes(desk.home)
    assert desk.run("backfill", *RANGE).code == 0
    assert count_minutes(desk) == 0
    reloaded = desk.run("backfill", *RANGE, "--reload-expired")
    assert reloaded.code == 0, reloaded.err
    assert f"BTCUSDT: {FIRST}T00:00:00Z..{day_of(NOW - DAY_MS)}T00:00:00Z is no" in reloaded.err
    assert count_minutes(desk) == 2 * 1440
    assert desk.run("verify", "--symbols", "BTCUSDT", *RANGE).code == 0
    kept = desk.run("retain")
    assert "minutes: 0\n" in kept.out, "their age counts from the new load"
    assert count_minutes(desk) == 2 * 1440


def _expire_minutes(home: Path) -> None:
    """Make the minutes look old, and expire them."""
    engine = create_engine(f"sqlite:///{home / 'warehouse.db'}")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM fact_klines"))
        purged = (NOW - DAY_MS) // DAY_MS * DAY_MS
        connection.execute(
            text("UPDATE extraction_metadata SET purged_before = :purged, record_count = 0"),
            {"purged": purged},
        )
    engine.dispose()

"""A wrong clock expires nothing, and what has expired can be loaded again."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from crypto_assets.exchange.server_clock import DATE_INACCURACY_MS
from crypto_assets.exchange.simulated import (
    SimulatedClock,
)
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, day_of, day_start_ms, now_ms
from crypto_assets_tests.cli.conftest import COMMAND, Desk, MakeDesk, Ran, fill_desk
from crypto_assets_tests.services.exchange import ExchangeServer, StartExchange

NOW = now_ms()
FIRST, LAST = day_of(NOW - 3 * DAY_MS), day_of(NOW - 2 * DAY_MS)
AT = day_start_ms(FIRST) + 200 * MINUTE_MS
RANGE = ("--from", str(FIRST), "--to", str(LAST))


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    """An exchange whose clock is right."""
    return simulated_exchange(now=now_ms(), speed=1)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Two days of one symbol, in a home that tests copy."""
    return fill_desk(tmp_path_factory.mktemp("filled"), SimulatedClock(now_ms(), 1), *RANGE)


@pytest.fixture
def desk(filled: Desk, server: ExchangeServer, tmp_path: Path) -> Desk:
    return filled.copy_to(tmp_path / "home", server.url)


# What a backfill executes in each run of Dagster, whose own waits do not end under a wrong clock.
INGEST = """
import sys
from datetime import date
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.ingestion.ingest import IngestMode, ingest_symbols
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.wiring import open_shared_context

days = {"BTCUSDT": Window.of_days(*map(date.fromisoformat, sys.argv[1:]))}
for outcomes in ingest_symbols(open_shared_context(), days, set(KlinesStage), IngestMode.DAYS):
    assert not any(outcome.error for outcome in outcomes), outcomes
"""


def run_at(desk: Desk, offset: str, *words: str) -> Ran:
    """Run `crypto-assets WORDS` under a clock that is wrong by an offset."""
    return run_program_at(desk, offset, *COMMAND, *words)


def run_program_at(desk: Desk, offset: str, *command: str) -> Ran:
    program = shutil.which("faketime")
    assert program, "faketime is missing: sh deploy/install-test-services.sh installs it"
    done = subprocess.run(
        [program, "-f", offset, *command],
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
    return read_one(desk, "SELECT COUNT(*) FROM fact_klines")


def read_one(desk: Desk, query: str) -> int:
    engine = create_engine(f"sqlite:///{desk.home / 'warehouse.db'}")
    with engine.connect() as connection:
        found = int(connection.execute(text(query)).scalar_one())
    engine.dispose()
    return found


@pytest.mark.parametrize("offset", ["+200d", "+61m", "-400d"])
def test_a_wrong_clock_expires_nothing(desk: Desk, offset: str) -> None:
    files = list_files(desk)
    refused = run_at(desk, offset, "retain")
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


def test_a_correction_counts_after_a_fetch_by_a_clock_that_was_ahead(
    server: ExchangeServer, make_desk: MakeDesk
) -> None:
    """In the warehouse, in the lake, and after an exact rebuild by such a clock again."""
    desk = make_desk(server)
    assert desk.run("init").code == 0
    ahead = run_program_at(desk, "+200d", sys.executable, "-c", INGEST, str(FIRST), str(LAST))
    assert ahead.code == 0, ahead.err
    # The exchange's header has whole seconds, which may be two seconds old.
    assert read_newest_fetch(desk) <= now_ms() + DATE_INACCURACY_MS
    before = read_trades(desk)
    for minute, change in ((AT, "+1"), (AT + MINUTE_MS, "-1")):  # no hour shows the difference
        rule = {"do": "revise", "start": minute, "end": minute + MINUTE_MS}
        server.faults.add_rule({**rule, "change": {"trade_count": change}})
    assert desk.run("backfill", *RANGE).code == 0
    assert read_trades(desk) == before + 1
    rebuilt = run_at(desk, "+200d", "rebuild", "--exact", "--symbols", "BTCUSDT", *RANGE)
    assert rebuilt.code == 0, rebuilt.err
    assert read_trades(desk) == before + 1
    assert count_minutes(desk) == 2 * 1440


def read_newest_fetch(desk: Desk) -> int:
    """The newest fetch time of all minutes and lake objects."""
    times = (path.stat().st_mtime_ns // 1_000_000 for path in desk.home.rglob("*_klines_*.json"))
    return max(read_one(desk, "SELECT MAX(fetched_at) FROM fact_klines"), *times)


def read_trades(desk: Desk) -> int:
    return read_one(desk, f"SELECT trade_count FROM fact_klines WHERE open_time = {AT}")

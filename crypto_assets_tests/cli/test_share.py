"""Commands with their home on a network share without fsync or file locks."""

import subprocess
from collections.abc import Mapping

from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.cli.conftest import COMMAND, Desk, MakeDesk, Ran
from crypto_assets_tests.services.exchange import NOON, StartExchange
from crypto_assets_tests.services.share import refusing

_DAY = ("--from", "2025-03-05", "--to", "2025-03-05")


def run(desk: Desk, calls: Mapping[str, str], *words: str) -> Ran:
    done = subprocess.run(
        refusing(calls, *COMMAND, *words),
        env=dict(desk.environment),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def test_a_day_is_collected_and_verified(
    simulated_exchange: StartExchange, make_desk: MakeDesk
) -> None:
    desk = make_desk(simulated_exchange(now=NOON))
    calls = {"fsync": "EINVAL", "flock": "ENOLCK"}
    for words in (("init",), ("backfill", *_DAY), ("verify", *_DAY)):
        ran = run(desk, calls, *words)
        assert ran.code == 0, ran.err
        assert "Traceback" not in ran.err


def test_a_home_without_file_locks_is_rejected(
    simulated_exchange: StartExchange, make_desk: MakeDesk
) -> None:
    desk = make_desk(simulated_exchange(now=NOON))
    names = ("--dagster-port", "--app-port", "--api-port")
    ports = [text for name in names for text in (name, str(require_free_port(0)))]
    ran = run(desk, {"flock": "ENOLCK"}, "up", *ports)
    assert ran.code == 2
    assert str(desk.home) in ran.complaint and "CRYPTO_HOME" in ran.complaint

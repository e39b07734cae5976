"""The commands of docs/start.md work in the order in which they are written."""

import re
import shlex
import sys
from pathlib import Path

import pyarrow.csv

from crypto_assets_tests.cli.conftest import MakeDesk
from crypto_assets_tests.project.repository import text
from crypto_assets_tests.services.exchange import StartExchange
from crypto_assets_tests.services.programs import run_program

PAGE = text("docs/start.md")


def list_commands() -> list[list[str]]:
    """Return the arguments of each `crypto-assets` command, without the one that serves."""
    lines = re.findall(r"^\.venv/bin/crypto-assets (.+)$", PAGE, re.MULTILINE)
    return [shlex.split(line) for line in lines if line != "up"]


def test_the_commands_and_the_python_of_the_page_work(
    simulated_exchange: StartExchange, make_desk: MakeDesk, tmp_path: Path
) -> None:
    settings = dict(re.findall(r"^export CRYPTO_(\w+)=(\S+)$", PAGE, re.MULTILINE))
    assert settings.pop("HOME")
    desk = make_desk(simulated_exchange(), **settings)
    commands = list_commands()
    assert [command[0] for command in commands] == [
        "init",
        "backfill",
        "status",
        "verify",
        "export",
    ]
    printed = {}
    for command in commands:
        # The page writes into the current folder.
        words = [str(tmp_path / word) if word.endswith(".csv") else word for word in command]
        ran = desk.run(*words)
        assert ran.code == 0, ran.err
        printed[command[0]] = ran.out
    assert "BTCUSDT" in printed["status"] and "ETHUSDT" in printed["status"]
    assert " 0 differences" in printed["verify"]
    assert pyarrow.csv.read_csv(tmp_path / "btc.csv").num_rows == 48
    (program,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    frame = run_program([sys.executable, "-c", program], env=dict(desk.environment))
    assert "2025-03-02 23:00:00+00:00" in frame.stdout

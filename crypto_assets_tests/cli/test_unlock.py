"""The operator's token in the home, and the link that unlocks a browser."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from crypto_assets.access import AccessControl, SpentIds
from crypto_assets_tests.cli.conftest import Desk, MakeDesk
from crypto_assets_tests.services.exchange import StartExchange


@pytest.fixture
def desk(make_desk: MakeDesk, simulated_exchange: StartExchange) -> Desk:
    return make_desk(simulated_exchange())


def opens(link: str, desk: Desk) -> bool:
    """Whether a server of the home accepts the code of a link."""
    token = SecretStr((desk.home / "operator-token").read_text().strip())
    (code,) = parse_qs(urlsplit(link).query)["code"]
    return AccessControl(token, spent_ids=SpentIds(desk.home)).spend_code(code)


def test_init_writes_a_token_once_and_unlock_prints_links(desk: Desk) -> None:
    first = desk.run("init")
    file = desk.home / "operator-token"
    assert first.code == 0 and f"wrote a random operator token to {file}" in first.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    token = file.read_text().strip()
    again = desk.run("init")
    assert again.code == 0 and "operator token" not in again.out + again.err
    assert file.read_text().strip() == token and len(token) >= 32
    links = [desk.run("unlock").out.strip() for _ in range(2)]
    assert all(link.startswith("http://127.0.0.1:8501/unlock?code=") for link in links)
    assert token not in first.out + first.err + str(links)
    assert [opens(link, desk) for link in (*links, *links)] == [True, True, False, False]


def test_the_address_of_the_link_can_be_chosen(desk: Desk) -> None:
    desk.run("init")
    public = {"CRYPTO_APP_LINK_URL": "https://candles.example/"}
    for link in (
        desk.run("unlock", **public).out,
        desk.run("unlock", "--url", "https://candles.example").out,
    ):
        assert link.startswith("https://candles.example/unlock?code=")


def test_a_token_of_the_settings_needs_no_file(desk: Desk) -> None:
    ran = desk.run("init", CRYPTO_API_TOKEN="as-before-this-version")
    assert ran.code == 0 and "operator token" not in ran.out + ran.err
    assert not (desk.home / "operator-token").exists()


def test_a_short_token_is_reported(desk: Desk) -> None:
    ran = desk.run("init", CRYPTO_OPERATOR_TOKEN="tok")
    assert ran.code == 0
    assert "warning: CRYPTO_OPERATOR_TOKEN has fewer than 32 characters" in ran.err


def test_without_a_token_there_is_no_link(desk: Desk) -> None:
    ran = desk.run("unlock")
    assert ran.code == 2 and "no operator token: run `crypto-assets init`" in ran.complaint


@pytest.mark.parametrize("on_terminal", [True, False])
@pytest.mark.parametrize("setting", ["", "http://127.0.0.1:8501", "http://127.0.0.1:8777"])
def test_up_prints_the_link_on_a_terminal_only(
    desk: Desk, tmp_path: Path, setting: str, on_terminal: bool
) -> None:
    desk.run("init")
    program = (
        "from crypto_assets.cli.unlock import print_unlock_link\n"
        "from crypto_assets.settings import load_settings\n"
        "print_unlock_link(load_settings(), 'http://127.0.0.1:8777')"
    )
    reading, writing = os.openpty() if on_terminal else os.pipe()
    environment = {**desk.environment, "CRYPTO_APP_LINK_URL": setting}
    subprocess.run([sys.executable, "-c", program], env=environment, stdout=writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        shown = stream.read1().decode()
    assert "crypto-assets unlock --url http://127.0.0.1:8777" in shown
    assert ("/unlock?code=" in shown) == on_terminal
    if on_terminal:
        (line,) = [line for line in shown.splitlines() if "code=" in line]
        assert opens(line.split()[-1], desk)
        assert "Open it to make changes" in shown

"""Only its owner can read a home: its databases, its lake and its logs."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from crypto_assets.cli.home_permissions import restrict_home
from crypto_assets.market.utc_time import DAY_MS, day_of
from crypto_assets.settings import Settings
from crypto_assets_tests.cli.conftest import MakeDesk
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

DAY = str(day_of(NOON - DAY_MS))


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """The umask of most systems, with which files are readable by all."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange(now=NOON)


def list_modes(folder: Path) -> dict[str, int]:
    """Return the permissions of everything below a folder, and of the folder itself."""
    paths = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in paths}


def test_a_new_home_is_private(make_desk: MakeDesk, server: ExchangeServer) -> None:
    desk = make_desk(server)
    assert desk.run("init").code == 0
    modes = list_modes(desk.home)
    assert {"warehouse.db", "dagster/dagster.yaml", "lake/raw"} <= set(modes)
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
    assert modes["."] == 0o700
    assert modes["warehouse.db"] == 0o600


def test_an_existing_home_becomes_private(make_desk: MakeDesk, server: ExchangeServer) -> None:
    """As made by an earlier version: everything readable by all."""
    desk = make_desk(server)
    assert desk.run("init").code == 0
    (desk.home / "logs").mkdir()
    (desk.home / "logs" / "daemon.log").write_text("a line\n")
    for path in [desk.home, *desk.home.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert desk.run("init").code == 0
    modes = list_modes(desk.home)
    assert modes["."] == modes["dagster"] == modes["lake"] == modes["logs"] == 0o700
    assert modes["warehouse.db"] == modes["logs/daemon.log"] == 0o600
    assert modes["dagster/dagster.yaml"] == 0o600
    assert desk.run("status").code == 0


def test_a_directory_that_users_share_stays_as_it_is(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    for mode in (0o1777, 0o777):
        shared.chmod(mode)
        restrict_home(Settings(home=shared))
        assert stat.S_IMODE(shared.stat().st_mode) == mode


def test_a_lake_outside_the_home_follows_the_permissions_of_its_directory(
    make_desk: MakeDesk, server: ExchangeServer, tmp_path: Path
) -> None:
    """One lake is shared with a group, the other one does not exist yet."""
    shared, made = tmp_path / "shared", tmp_path / "made" / "archive"
    shared.mkdir()
    shared.chmod(0o2770)
    desk = make_desk(server, LAKE_RAW_URL=str(shared), LAKE_ARCHIVE_URL=str(made))
    assert desk.run("init").code == 0
    os.umask(0o077)
    assert desk.run("backfill", "--from", DAY, "--to", DAY).code == 0
    modes = list_modes(shared)
    assert f"{DAY}/{next(shared.rglob('*_klines_*')).name}" in modes
    folders = {name for name in modes if (shared / name).is_dir()}
    assert {modes[name] for name in folders} == {0o2770}
    assert {modes[name] for name in modes.keys() - folders} == {0o660}
    assert stat.S_IMODE(made.stat().st_mode) == 0o755
    assert stat.S_IMODE(desk.home.stat().st_mode) == 0o700

"""The platform from the wheel alone: in an empty folder, without an environment or a clone."""

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from crypto_assets import __version__
from crypto_assets_tests.cli.conftest import Ran
from crypto_assets_tests.project.repository import ROOT
from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.services.exchange import StartExchange
from crypto_assets_tests.streamlit_app.page_checks import assert_page_ok, list_errors, read_chart
from crypto_assets_tests.wheel.installation import Installation, choose_ports

pytestmark = pytest.mark.timeout(900)
_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def test_nothing_of_the_repository_is_on_the_path(
    installation: Installation, tmp_path: Path
) -> None:
    """Otherwise the tests below would prove nothing."""
    code = """
import crypto_assets, importlib.util, json, sys
names = ("streamlit_app", "crypto_assets_tests")
found = [name for name in names if importlib.util.find_spec(name)]
print(json.dumps([crypto_assets.__file__, found, sys.path]))
"""
    ran = installation.run_python(code, tmp_path)
    assert ran.code == 0, ran.err
    file, found, path = json.loads(ran.out)
    assert Path(file).is_relative_to(installation.folder)
    assert found == []
    assert str(ROOT) not in path


@dataclass(frozen=True)
class Served:
    """A demo that has loaded its candles and serves them."""

    folder: Path
    output: str
    app_url: str
    dagster_url: str
    api_url: str


@pytest.fixture(scope="module")
def demo(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Ran, Served]]:
    """The result of `demo --once`, and then a `demo` in the same folder that serves."""
    folder = tmp_path_factory.mktemp("demo")
    once = installation.run("demo", "--once", "--days", "2", folder=folder)
    options, (dagster_url, app_url, api_url) = choose_ports()
    with installation.serve("demo", "--days", "2", *options, folder=folder) as output:
        yield once, Served(folder, output.read_text(), app_url, dagster_url, api_url)


@pytest.fixture(scope="module")
def once(demo: tuple[Ran, Served]) -> Ran:
    return demo[0]


@pytest.fixture(scope="module")
def served(demo: tuple[Ran, Served]) -> Served:
    return demo[1]


def assert_no_difference(output: str, symbols: Iterable[str]) -> None:
    """Check the demo's table, with the hours and days compared, and those that differ."""
    rows = re.findall(r"│ (\w+) │\s+([\d,]+) │\s+(\d+) │", output)
    assert [name for name, _, _ in rows] == list(symbols), output
    for _, compared, different in rows:
        assert int(compared) > 24, output
        assert different == "0", output


def test_the_demo_loads_candles_without_a_difference(once: Ran, served: Served) -> None:
    assert once.code == 0, once.err
    for output in (once.out, served.output):
        assert_no_difference(output, _SYMBOLS)


def test_the_home_is_in_the_folder_where_the_command_runs(once: Ran, served: Served) -> None:
    assert f"are stored in {served.folder}/.crypto-assets" in once.out
    assert [path.name for path in served.folder.iterdir()] == [".crypto-assets"]
    shipped = (ROOT / "dagster.yaml").read_text()
    assert (served.folder / ".crypto-assets/dagster/dagster.yaml").read_text().endswith(shipped)


def test_the_app_opens_in_a_browser(served: Served, open_tab: OpenTab) -> None:
    tab = open_tab(f"{served.app_url}/analytics?symbol=ETHUSDT&interval=1m&range=1d")
    assert read_chart(tab.page)["candles"] > 0
    # From `.streamlit/config.toml` and `images/`, which are next to the app.
    expect(tab.page.locator("[data-testid=stHeaderLogo], [data-testid=stLogo]")).to_be_visible()
    assert_page_ok(tab.page, 1440, "light")
    assert list_errors(tab) == []


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("", "BTC"),
        ("pipeline", "BTC"),
        ("quality", "BTC"),
        ("scheduler", "Run failures"),
        ("settings", "Add a symbol"),
    ],
)
def test_every_page_opens(served: Served, open_tab: OpenTab, page: str, text: str) -> None:
    tab = open_tab(f"{served.app_url}/{page}")
    expect(tab.page.locator("[data-testid=stMain]").get_by_text(text).first).to_be_attached()
    assert_page_ok(tab.page, 1440, "light")
    assert list_errors(tab) == []


def test_the_settings_page_names_a_manual_that_exists(served: Served, open_tab: OpenTab) -> None:
    tab = open_tab(f"{served.app_url}/settings")
    tab.page.get_by_role("tab", name="Environment").click()
    text = tab.page.locator("p", has_text="describes each variable").inner_text()
    assert f"{served.folder}/.env" in text
    (manual,) = re.findall(r"\S+/settings\.md", text)
    assert Path(manual).is_file()


def test_dagsters_ui_shows_the_assets(served: Served, open_tab: OpenTab) -> None:
    tab = open_tab(f"{served.dagster_url}/assets")
    for asset in ("raw_klines", "fact_klines", "hourly_klines", "daily_klines"):
        expect(tab.page.locator(f"a[href$='/assets/{asset}']").first).to_be_visible()


def test_the_api_serves_candles_and_the_version(served: Served) -> None:
    rows = requests.get(f"{served.api_url}/api/klines/SOLUSDT?interval=1m&limit=2", timeout=20)
    assert len(rows.json()["data"]) == 2
    document = requests.get(f"{served.api_url}/openapi.json", timeout=20).json()
    assert document["info"]["version"] == __version__


def test_commands_and_python_read_the_home_of_the_folder(
    installation: Installation, served: Served
) -> None:
    ran = installation.run("status", "--json", folder=served.folder)
    assert ran.code == 0, ran.err
    assert {one["symbol"] for one in json.loads(ran.out)["symbols"]} == set(_SYMBOLS)
    code = (
        "from crypto_assets import connect; print(len(connect().candles('BTCUSDT', '1m', limit=3)))"
    )
    ran = installation.run_python(code, served.folder)
    assert (ran.code, ran.out) == (0, "3\n"), ran.err


def test_another_folder_has_another_home(
    installation: Installation, served: Served, tmp_path: Path
) -> None:
    ran = installation.run("status", folder=tmp_path)
    assert ran.code == 1
    assert "crypto-assets init" in ran.complaint
    home = str(served.folder / ".crypto-assets")
    assert installation.run("status", folder=tmp_path, CRYPTO_HOME=home).code == 0


def test_the_dotenv_of_the_folder_is_read(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CRYPTO_SYMBOLS=XRPUSDT\nCRYPTO_HOME=data")
    code = """
from crypto_assets.settings import get_settings
print(*get_settings().symbols, get_settings().home)
"""
    ran = installation.run_python(code, tmp_path)
    assert (ran.code, ran.out) == (0, f"XRPUSDT {tmp_path}/data\n"), ran.err


def test_up_serves_in_an_empty_folder(
    installation: Installation, simulated_exchange: StartExchange, tmp_path: Path
) -> None:
    url = simulated_exchange(speed=1).url
    folder = tmp_path / "empty"
    folder.mkdir()
    options, addresses = choose_ports()
    with installation.serve(
        *("up", *options), folder=folder, CRYPTO_EXCHANGE_URL=url, CRYPTO_ARCHIVE_URL=url
    ):
        for address, path in zip(
            addresses, ("/server_info", "/_stcore/health", "/health/live"), strict=True
        ):
            assert requests.get(address + path, timeout=20).ok
    assert [path.name for path in folder.iterdir()] == [".crypto-assets"]


@pytest.fixture(scope="module")
def incomplete(
    installation: Installation, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    """An installation whose files outside the package are gone."""
    broken = Installation.create(tmp_path_factory.mktemp("incomplete"), wheel)
    for path in broken.project_files.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return broken


@pytest.mark.parametrize(
    ("missing", "command"),
    [("dagster.yaml", "init"), ("workspace.yaml", "up")],
)
def test_an_incomplete_installation_names_the_missing_file(
    installation: Installation,
    incomplete: Installation,
    simulated_exchange: StartExchange,
    tmp_path: Path,
    missing: str,
    command: str,
) -> None:
    url = simulated_exchange().url
    shutil.copytree(installation.project_files, incomplete.project_files, dirs_exist_ok=True)
    (incomplete.project_files / missing).unlink()
    options = choose_ports()[0] if command == "up" else ()
    ran = incomplete.run(
        *(command, *options), folder=tmp_path, CRYPTO_EXCHANGE_URL=url, CRYPTO_ARCHIVE_URL=url
    )
    assert ran.code == 1
    last = ran.err.strip().splitlines()[-1]
    assert f"{incomplete.project_files / missing} is missing" in last
    assert "install it again" in last
    assert "Traceback" not in ran.err


def test_a_deleted_folder_is_named_as_the_reason(
    installation: Installation, tmp_path: Path
) -> None:
    folder = tmp_path / "deleted"
    folder.mkdir()
    code = f"""
import os, sys
os.rmdir({str(folder)!r})
from crypto_assets.cli import main
sys.argv = ["crypto-assets", "status"]
main()
"""
    ran = installation.run_python(code, folder)
    assert (ran.code, ran.complaint) == (
        2,
        "crypto-assets: the current folder no longer exists: change to another one",
    )

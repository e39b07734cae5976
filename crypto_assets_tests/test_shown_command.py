"""Commands that are shown work when they are run as they are, in a shell without our variables."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crypto_assets import shown_command
from crypto_assets.installation import PROJECT_ROOT
from crypto_assets.shown_command import format_command
from crypto_assets_tests.streamlit_app.conftest import make_home


@pytest.fixture(autouse=True)
def _outside_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_command, "_CONTAINER_MARKS", ())


def run_in_new_shell(command: str) -> subprocess.CompletedProcess[str]:
    """Run it in the clone, as a reader does, with nothing but the path of the system."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(
        ["sh", "-c", command], cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True
    )


def test_a_command_finds_program_home_and_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "a home"
    make_home(home, ("SOLUSDT",)).close()
    monkeypatch.setenv("CRYPTO_HOME", str(home))
    monkeypatch.setenv("CRYPTO_EXCHANGE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    command = format_command("status")
    assert "CRYPTO_EXCHANGE_URL=http://127.0.0.1:9" in command
    ran = run_in_new_shell(command)
    assert ran.returncode == 0, f"{command}: {ran.stderr}"
    assert "SOLUSDT" in ran.stdout and "not loaded" in ran.stdout


def test_the_program_is_named_only_where_the_shell_finds_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = Path(sys.executable).with_name("crypto-assets")
    monkeypatch.setattr(shutil, "which", lambda _: str(script))
    assert format_command("status", fields=()) == "crypto-assets status"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert format_command("status", fields=()) == f"{relative(script)} status"


def relative(path: Path) -> str:
    return str(path.relative_to(PROJECT_ROOT)) if path.is_relative_to(PROJECT_ROOT) else str(path)


def test_a_login_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYPTO_WAREHOUSE_URL", "mysql+pymysql://u:s3cret@127.0.0.1/m")
    monkeypatch.setenv("CRYPTO_EXCHANGE_URL", "http://u:s3cret@127.0.0.1:9")
    assert "s3cret" not in format_command("status")


def test_defaults_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "EXCHANGE_URL", "ARCHIVE_URL", "WAREHOUSE_URL", "START_DATE"):
        monkeypatch.delenv(f"CRYPTO_{name}", raising=False)
    monkeypatch.setenv("CRYPTO_DAGSTER_URL", "http://127.0.0.1:3000")
    assert "=" not in format_command("init")


def test_in_the_image_every_shell_has_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_command, "_CONTAINER_MARKS", (Path("/"),))
    monkeypatch.setenv("CRYPTO_HOME", "/somewhere")
    script = Path(sys.executable).with_name("crypto-assets")
    monkeypatch.setattr(shutil, "which", lambda _: str(script))
    assert format_command("init") == "crypto-assets init"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert format_command("init") == f"CRYPTO_HOME=/somewhere {relative(script)} init"

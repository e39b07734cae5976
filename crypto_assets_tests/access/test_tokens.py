"""The operator's token: from the environment, a file, or the home."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from crypto_assets.access import (
    build_bearer_headers,
    ensure_operator_token,
    find_operator_token,
    get_token_file,
    list_token_problems,
    open_access_control,
)
from crypto_assets.errors import WrongUse
from crypto_assets.settings import Settings, load_settings

NAMES = ("CRYPTO_OPERATOR_TOKEN", "CRYPTO_API_TOKEN", "CRYPTO_VIEWER_TOKEN")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    monkeypatch.setenv("CRYPTO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def read_operator_token() -> str | None:
    token = find_operator_token(load_settings())
    return token.get_secret_value() if token else None


def test_the_home_gets_a_random_token_once(home: Path) -> None:
    assert read_operator_token() is None
    file = ensure_operator_token(load_settings())
    assert file == get_token_file(load_settings()) == home / "operator-token"
    token = read_operator_token()
    assert token and len(token) >= 32
    assert ensure_operator_token(load_settings()) is None
    assert read_operator_token() == token
    assert [path.name for path in home.iterdir()] == ["operator-token"]


def test_only_the_owner_can_read_the_token(home: Path) -> None:
    program = (
        "import os; os.umask(0)\n"
        "from crypto_assets.access import ensure_operator_token\n"
        "from crypto_assets.settings import load_settings\n"
        "ensure_operator_token(load_settings())"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert stat.S_IMODE((home / "operator-token").stat().st_mode) == 0o600


def test_a_file_system_without_hard_links(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    assert ensure_operator_token(load_settings()) == home / "operator-token"
    token = read_operator_token()
    assert token and len(token) >= 32
    assert ensure_operator_token(load_settings()) is None
    assert stat.S_IMODE((home / "operator-token").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["operator-token"]


def test_a_home_that_cannot_be_written_is_reported_with_the_setting(home: Path) -> None:
    home.write_text("a file in place of the folder")
    with pytest.raises(WrongUse, match=r"cannot write the operator token .*CRYPTO_OPERATOR_TOKEN"):
        ensure_operator_token(load_settings())


def test_many_processes_write_one_token(home: Path) -> None:
    program = (
        "from crypto_assets.access import ensure_operator_token, find_operator_token\n"
        "from crypto_assets.settings import load_settings\n"
        "ensure_operator_token(load_settings())\n"
        "print(find_operator_token(load_settings()).get_secret_value())"
    )
    command = [sys.executable, "-c", program]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert len({process.communicate()[0] for process in started}) == 1


@pytest.mark.parametrize("variable", NAMES[:2])
def test_a_token_of_the_environment_counts(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    ensure_operator_token(load_settings())
    monkeypatch.setenv(variable, "of-the-environment")
    assert read_operator_token() == "of-the-environment"
    assert build_bearer_headers(load_settings()) == {"Authorization": "Bearer of-the-environment"}


@pytest.mark.parametrize("variable", NAMES)
def test_a_token_may_be_in_a_file(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of-a-file\n")
    # As in the example `.env`, an empty variable is not set.
    monkeypatch.setenv(variable, "")
    monkeypatch.setenv(f"{variable}_FILE", str(secret))
    settings = load_settings()
    found = settings.viewer_token if "VIEWER" in variable else settings.operator_token
    assert found == SecretStr("of-a-file")


def test_a_file_in_the_dotenv_file(home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of-a-file")
    (tmp_path / ".env").write_text(f"CRYPTO_OPERATOR_TOKEN=\nCRYPTO_OPERATOR_TOKEN_FILE={secret}\n")
    assert read_operator_token() == "of-a-file"


def test_an_unusable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    monkeypatch.setenv("CRYPTO_VIEWER_TOKEN_FILE", str(secret))
    with pytest.raises(WrongUse, match=r"cannot read CRYPTO_VIEWER_TOKEN_FILE=.*secret"):
        load_settings()
    secret.write_bytes(b"\xff")
    with pytest.raises(WrongUse, match=r"CRYPTO_VIEWER_TOKEN_FILE=.*secret is not UTF-8"):
        load_settings()


def test_a_token_that_is_set_twice_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("of-a-file")
    monkeypatch.setenv("CRYPTO_OPERATOR_TOKEN_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("CRYPTO_API_TOKEN", "of-a-variable")
    with pytest.raises(WrongUse, match="CRYPTO_API_TOKEN and CRYPTO_OPERATOR_TOKEN_FILE are both"):
        load_settings()


def test_an_empty_token_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    (home / "operator-token").write_text("\n")
    with pytest.raises(WrongUse, match="operator-token is empty: delete it"):
        open_access_control(load_settings())
    monkeypatch.setenv("CRYPTO_OPERATOR_TOKEN", "  ")
    with pytest.raises(WrongUse, match="CRYPTO_OPERATOR_TOKEN: is blank"):
        load_settings()


def test_short_tokens_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYPTO_API_TOKEN", "x" * 31)
    monkeypatch.setenv("CRYPTO_VIEWER_TOKEN", "y" * 32)
    (problem,) = list_token_problems(load_settings())
    assert problem.startswith("CRYPTO_OPERATOR_TOKEN has fewer than 32 characters")


def test_two_roles_need_two_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CRYPTO_OPERATOR_TOKEN", "CRYPTO_VIEWER_TOKEN"):
        monkeypatch.setenv(name, "the-same-token-twice")
    with pytest.raises(WrongUse, match="set another one"):
        open_access_control(load_settings())

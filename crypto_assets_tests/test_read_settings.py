"""Invalid settings are rejected in one line that names the variable or the file."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from crypto_assets.errors import WrongUse
from crypto_assets.settings import Settings, load_settings


@pytest.fixture
def dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the project's `.env`, which does not exist yet."""
    file = tmp_path / ".env"
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    for name in ("CRYPTO_START_DATE", "CRYPTO_SYMBOLS"):
        monkeypatch.delenv(name, raising=False)
    return file


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_the_error_of_a_file_in_another_encoding_contains_its_path(
    dotenv: Path, encoding: str
) -> None:
    dotenv.write_bytes("# für uns\nCRYPTO_SYMBOLS=XRPUSDT\n".encode(encoding))
    with pytest.raises(WrongUse, match="is not UTF-8 text: save it as UTF-8") as caught:
        load_settings()
    assert str(dotenv) in str(caught.value)


def test_a_byte_order_mark_is_ignored(dotenv: Path) -> None:
    dotenv.write_text("CRYPTO_SYMBOLS=XRPUSDT\n# für uns\n", encoding="utf-8-sig")
    assert load_settings().symbols == ("XRPUSDT",)


def test_without_a_file_the_defaults_apply(dotenv: Path) -> None:
    assert not dotenv.exists()
    assert load_settings().start_date == date(2025, 1, 1)


@pytest.mark.parametrize(
    "day", ["0001-01-01", "1969-12-31", "9999-12-31", "20250101", "86400", "2025-1-5", "soon"]
)
def test_an_invalid_first_day(dotenv: Path, monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    monkeypatch.setenv("CRYPTO_START_DATE", day)
    with pytest.raises(WrongUse, match=r"CRYPTO_START_DATE: (must be between|.* is not a day)"):
        load_settings()


def test_the_first_day_is_not_after_today(dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    today = datetime.now(UTC).date()
    monkeypatch.setenv("CRYPTO_START_DATE", str(today + timedelta(days=2)))
    with pytest.raises(WrongUse, match="CRYPTO_START_DATE: must be between 1970-01-01 and today"):
        load_settings()
    monkeypatch.setenv("CRYPTO_START_DATE", str(today))
    assert load_settings().start_date == today


@pytest.mark.parametrize("names", [",", " , ,", "  "])
def test_commas_alone_are_not_a_symbol_list(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    monkeypatch.setenv("CRYPTO_SYMBOLS", names)
    with pytest.raises(WrongUse, match="CRYPTO_SYMBOLS: contains no symbol"):
        load_settings()


@pytest.mark.parametrize("owner", ["me", "team:", "team:two words", "me@home", "me@@home.net"])
def test_an_owner_is_an_address_or_a_team(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch, owner: str
) -> None:
    monkeypatch.setenv("CRYPTO_OWNERS", f"team:desk, {owner}")
    with pytest.raises(WrongUse, match=r"CRYPTO_OWNERS: .* is neither an e-mail address nor team:"):
        load_settings()


def test_owners_are_separated_by_commas(dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYPTO_OWNERS", "team:desk, me@home.net, team:desk")
    assert load_settings().owners == ("team:desk", "me@home.net")


@pytest.mark.parametrize(
    "url",
    ["https://github.com/me/crypto-assets", "github.com/me/crypto-assets/tree/main", "here/tree/x"],
)
def test_a_source_is_the_page_of_a_branch(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("CRYPTO_SOURCE_URL", url)
    with pytest.raises(WrongUse, match="CRYPTO_SOURCE_URL: must be the page of a branch or tag"):
        load_settings()


def test_the_login_of_a_source_is_removed(dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYPTO_SOURCE_URL", "https://me:secret@git.example/me/x/-/tree/main/")
    assert load_settings().source_url == "https://git.example/me/x/-/tree/main"


def test_a_secret_is_read_from_its_file(
    dotenv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable may be in the environment or in `.env`; an empty file means the default."""
    url, token, key, empty = (tmp_path / name for name in ("url", "token", "key", "empty"))
    url.write_text("mysql://crypto:planted@db.example/crypto\n")
    token.write_text("correct-horse")
    key.write_text("secret-key\n")
    empty.write_text("\n")
    dotenv.write_text(f"CRYPTO_API_TOKEN_FILE={token}\nCRYPTO_API_TOKEN=\n")
    monkeypatch.setenv("CRYPTO_WAREHOUSE_URL_FILE", str(url))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY_FILE", str(key))
    monkeypatch.setenv("CRYPTO_ALERT_WEBHOOK_URL_FILE", str(empty))
    settings = load_settings()
    assert settings.warehouse_url.get_secret_value() == url.read_text().strip()
    assert settings.warehouse_read_url == settings.warehouse_url
    assert settings.operator_token
    assert settings.operator_token.get_secret_value() == "correct-horse"
    assert settings.s3_secret_access_key
    assert settings.s3_secret_access_key.get_secret_value() == "secret-key"
    assert settings.alert_webhook_url is None


def test_an_unusable_secret_file_is_reported(
    dotenv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "missing"
    monkeypatch.setenv("CRYPTO_API_TOKEN_FILE", str(missing))
    with pytest.raises(WrongUse, match=f"cannot read CRYPTO_API_TOKEN_FILE={missing}: No such"):
        load_settings()
    missing.write_bytes(b"\xff\xfe")
    with pytest.raises(WrongUse, match="is not UTF-8 text"):
        load_settings()
    monkeypatch.setenv("CRYPTO_API_TOKEN", "value")
    with pytest.raises(WrongUse, match="CRYPTO_API_TOKEN and CRYPTO_API_TOKEN_FILE are both set"):
        load_settings()

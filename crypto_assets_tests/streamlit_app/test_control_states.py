"""The pages Scheduler and Settings without services, and without write access."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from crypto_assets.errors import WrongUse
from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.market.utc_time import now_ms
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.streamlit_app.conftest import RunApp, make_home
from crypto_assets_tests.streamlit_app.test_pages import texts_of
from streamlit_app import auth

pytestmark = pytest.mark.slow  # each page takes a second

SCHEDULER, SETTINGS = "app_pages/scheduler.py", "app_pages/settings.py"
UNREACHABLE_URL = "http://127.0.0.1:9"
TOKEN = "correct-horse-battery-staple"


@pytest.fixture(autouse=True)
def _services_are_down(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DAGSTER_URL", "EXCHANGE_URL", "ARCHIVE_URL"):
        monkeypatch.setenv(f"CRYPTO_{name}", UNREACHABLE_URL)


@pytest.fixture(scope="module")
def exchange_url() -> Iterator[str]:
    exchange = SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(now_ms(), 1))
    with start_exchange_server(exchange) as url:
        yield url


@pytest.fixture
def exchange_is_up(monkeypatch: pytest.MonkeyPatch, exchange_url: str) -> None:
    """The exchange responds."""
    for name in ("EXCHANGE_URL", "ARCHIVE_URL"):
        monkeypatch.setenv(f"CRYPTO_{name}", exchange_url)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path).close()
    return tmp_path


def is_enabled(app: AppTest, key: str) -> bool:
    """Return whether a button is enabled."""
    return not app.button(key=key).disabled


def test_without_dagster_the_scheduler_explains_what_to_do(run_app: RunApp, home: Path) -> None:
    app = run_app(home, SCHEDULER)
    assert not app.exception
    text = texts_of(app)
    assert "Cannot reach Dagster" in text and "crypto-assets up" in text
    assert text.count("Not available while Dagster is unreachable") == 2
    assert "retries automatically" in text


def test_without_the_exchange_no_backfill_can_be_launched(run_app: RunApp, home: Path) -> None:
    app = run_app(home, SCHEDULER)
    assert "127.0.0.1:9" in "\n".join(one.value for one in app.warning)
    assert "launch" not in [one.key for one in app.button]


def test_without_a_warehouse_both_pages_explain_what_to_do(run_app: RunApp, tmp_path: Path) -> None:
    for page in (SCHEDULER, SETTINGS):
        app = run_app(tmp_path, page)
        assert not app.exception
        assert "not set up yet" in texts_of(app)


@pytest.mark.parametrize("part", ["Symbols", "Retention", "Alerts", "Environment", "Change log"])
def test_a_broken_warehouse_is_explained_in_every_part(
    run_app: RunApp, tmp_path: Path, part: str
) -> None:
    (tmp_path / "warehouse.db").write_bytes(b"not a database, but long enough to be read as one")
    app = run_app(tmp_path, SETTINGS, part=part)
    assert not app.exception
    assert "is not a valid SQLite file" in texts_of(app)


def test_without_the_exchange_symbols_are_shown_and_untracked(
    run_app: RunApp, home: Path, as_operator: None
) -> None:
    app = run_app(home, SETTINGS)
    assert "Cannot load the exchange's symbols" in texts_of(app)
    assert "BTC / USDT" in texts_of(app)
    app.button(key="retire_BTCUSDT").click().run()
    assert not app.exception


def test_who_has_not_unlocked_sees_read_only_pages(
    run_app: RunApp, home: Path, exchange_is_up: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that runs without a browser has no cookie."""
    for page, key in ((SCHEDULER, "launch"), (SETTINGS, "retire_BTCUSDT")):
        assert "set `CRYPTO_OPERATOR_TOKEN`" in texts_of(run_app(home, page))
        monkeypatch.setenv("CRYPTO_OPERATOR_TOKEN", TOKEN)
        app = run_app(home, page)
        monkeypatch.delenv("CRYPTO_OPERATOR_TOKEN")
        assert "**Read-only.**" in texts_of(app) and "crypto-assets unlock" in texts_of(app)
        if key in [one.key for one in app.button]:
            assert not is_enabled(app, key)


def test_an_operator_may_change_things(
    run_app: RunApp, home: Path, exchange_is_up: None, as_operator: None
) -> None:
    app = run_app(home, SETTINGS)
    assert is_enabled(app, "retire_BTCUSDT")
    assert "Read-only" not in texts_of(app)


def test_a_click_on_a_disabled_button_changes_nothing(
    run_app: RunApp, home: Path, exchange_is_up: None
) -> None:
    app = run_app(home, SETTINGS)
    app.selectbox(key="new_symbol_2").set_value("SOLUSDT").run()
    add = app.button(key="add_symbol")
    add.proto.disabled = False
    add.click().run()
    with pytest.raises(WrongUse, match="changes are not allowed: unlock the app first"):
        auth.require_write_access()
    warehouse = Warehouse(f"sqlite:///{home / 'warehouse.db'}")
    assert [one.name for one in warehouse.symbols.list_tracked()] == ["BTCUSDT", "SHIBUSDT"]
    assert warehouse.app_settings.list_changes() == []
    warehouse.close()


def test_an_added_symbol_is_in_the_change_log(
    run_app: RunApp, home: Path, exchange_is_up: None, as_operator: None
) -> None:
    (home / "lake" / "raw").mkdir(parents=True)
    (home / "lake" / "archive").mkdir()
    app = run_app(home, SETTINGS)
    app.selectbox(key="new_symbol_2").set_value("SOLUSDT").run()
    app.button(key="add_symbol").click().run()
    assert not app.exception
    assert "SOL / USDT" in texts_of(app)
    app = run_app(home, SETTINGS, part="Change log")
    (log,) = app.dataframe
    assert list(log.value["What"]) == ["symbol SOLUSDT"]
    assert list(log.value["Who"]) == ["the app"]
    assert list(log.value["Address"]) == ["127.0.0.1"]


def test_retention_shows_values_of_the_environment_and_changes_only_edited_ones(
    run_app: RunApp, home: Path, monkeypatch: pytest.MonkeyPatch, as_operator: None
) -> None:
    monkeypatch.setenv("CRYPTO_RAW_DAYS", "5000")
    monkeypatch.setenv("CRYPTO_LAKE_MAX_GB", "0.5")
    app = run_app(home, SETTINGS, part="Retention")
    assert not app.exception
    assert app.number_input(key="keep_raw_days_5000").value == 5000
    assert app.number_input(key="keep_lake_max_gb_0.5").value == 0.5
    app.number_input(key="keep_minute_days_90").set_value(120)
    (save,) = [one for one in app.button if one.label == "Save"]
    save.click().run()
    assert "90 days → **120 days**" in texts_of(app) and " GB" not in texts_of(app)


def test_secrets_of_the_environment_are_masked(
    run_app: RunApp, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTO_API_TOKEN", TOKEN)
    monkeypatch.setenv("CRYPTO_ALERT_WEBHOOK_URL", "https://hooks.example/T0/s3cret")
    app = run_app(home, SETTINGS, part="Environment")
    (table,) = app.dataframe
    values = dict(zip(table.value["Variable"], table.value["Value"], strict=True))
    assert values["CRYPTO_OPERATOR_TOKEN"] == values["CRYPTO_ALERT_WEBHOOK_URL"] != "none"
    assert values["CRYPTO_RAW_DAYS"] == "7"
    shown = f"{values} {texts_of(app)} {texts_of(run_app(home, SETTINGS, part='Alerts'))}"
    assert "https://hooks.example/" in shown and "s3cret" not in shown and TOKEN not in shown


def test_logins_in_urls_are_removed(
    run_app: RunApp, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_login = UNREACHABLE_URL.replace("://", "://user:s3cret@")
    for name in ("DAGSTER", "DAGSTER_LINK", "APP_LINK", "EXCHANGE", "ARCHIVE", "RUNBOOK"):
        monkeypatch.setenv(f"CRYPTO_{name}_URL", with_login)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", with_login)
    app = run_app(home, SETTINGS, part="Environment")
    (table,) = app.dataframe
    values = dict(zip(table.value["Variable"], table.value["Value"], strict=True))
    assert values["CRYPTO_DAGSTER_URL"] == values["AWS_ENDPOINT_URL_S3"] == UNREACHABLE_URL
    text = texts_of(run_app(home, SCHEDULER)) + texts_of(run_app(home, SETTINGS))
    assert f"does not respond at `{UNREACHABLE_URL}`" in text
    assert "s3cret" not in f"{values} {text}"


def test_unescaped_logins_in_urls_are_removed(
    run_app: RunApp, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CRYPTO_DAGSTER_URL", "CRYPTO_EXCHANGE_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://us/er:s3cret@127.0.0.1:9")
    monkeypatch.setenv("CRYPTO_RUNBOOK_URL", "https://notes.example/@team")
    (table,) = run_app(home, SETTINGS, part="Environment").dataframe
    values = dict(zip(table.value["Variable"], table.value["Value"], strict=True))
    assert values["CRYPTO_EXCHANGE_URL"] == values["AWS_ENDPOINT_URL_S3"] == "http://127.0.0.1:9"
    assert values["CRYPTO_RUNBOOK_URL"] == "https://notes.example/@team"
    assert "s3cret" not in str(values)

"""The page Quality without a browser: figures and each tab."""

import sqlite3
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, floor_ms, format_utc, now_ms
from crypto_assets.pipeline.control.bootstrap import initialize_stores
from crypto_assets.settings import load_settings
from crypto_assets.wiring import open_pipeline_context
from crypto_assets_tests.reports.stock import SEED
from crypto_assets_tests.services.exchange import StartExchange
from crypto_assets_tests.services.scripted import Answer, in_turn, scripted
from crypto_assets_tests.streamlit_app.conftest import RunApp
from crypto_assets_tests.streamlit_app.faulty_home import (
    CONTRADICTION,
    OPEN_MINUTES,
    OUTAGE_MINUTES,
    REJECT_REASON,
    store_faulty_data,
)
from crypto_assets_tests.streamlit_app.test_pages import metrics_of, texts_of
from crypto_assets_tests.streamlit_app.test_pipeline import table_of

pytestmark = pytest.mark.slow  # each page takes a second

QUALITY = "app_pages/quality.py"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("faulty")
    warehouse = store_faulty_data(home)
    yield home
    warehouse.close()


def test_the_figures_count_faults(run_app: RunApp, home: Path) -> None:
    app = run_app(home, QUALITY)
    assert not app.exception
    shown = metrics_of(app)
    assert (shown["Open gaps"], shown["Missing minutes"]) == ("1", str(OPEN_MINUTES))
    assert shown["Rejected rows"] == "1"
    assert shown["Coverage"].startswith("99.")


def test_the_calendar_shows_the_state_of_each_day(run_app: RunApp, home: Path) -> None:
    app = run_app(home, QUALITY, reach="30 days")
    shown = table_of(app)
    btc = shown[shown["symbol"] == "BTCUSDT"].set_index("state")
    assert list(btc.loc["Explained gap", ["explained", "missing"]]) == [OUTAGE_MINUTES, 0]
    assert list(btc.loc["Missing minutes", ["explained", "missing"]]) == [0, OPEN_MINUTES]
    shib = shown[shown["symbol"] == "SHIBUSDT"]
    assert set(shib["state"]) == {"Not loaded"}


def test_the_ledger_shows_class_and_evidence_of_a_gap(run_app: RunApp, home: Path) -> None:
    shown = table_of(run_app(home, QUALITY, part="Gaps"))
    assert list(shown["minutes"]) == [OUTAGE_MINUTES, OPEN_MINUTES]
    assert shown["class"][0].startswith("Outage") and shown["class"][1].startswith("Open")
    assert shown["evidence"][0] == "asked twice over REST"
    length = shown["end"] - shown["start"]
    assert list(length) == [pd.Timedelta(minutes=n) for n in (OUTAGE_MINUTES, OPEN_MINUTES)]


def test_a_revision_shows_both_values_and_sources(run_app: RunApp, home: Path) -> None:
    (row,) = table_of(run_app(home, QUALITY, part="Revisions")).to_dict("records")
    assert row["changed"].startswith("close ") and " to " in row["changed"]
    assert (row["old_source"], row["new_source"]) == ("rest", "archive")


def test_a_conflict_of_the_exchange_is_listed_with_both_values(run_app: RunApp, home: Path) -> None:
    (row,) = table_of(run_app(home, QUALITY, part="Conflicts")).to_dict("records")
    assert (row["interval"], row["evidence"]) == ("1h", CONTRADICTION)
    assert "no version of the minutes matches" in row["result"]


def test_quarantine_shows_reason_and_object(run_app: RunApp, home: Path) -> None:
    (row,) = table_of(run_app(home, QUALITY, part="Quarantine")).to_dict("records")
    assert row["reason"] == REJECT_REASON
    assert row["object"].startswith("raw/BTCUSDT_klines_")


def test_lists_are_filtered_by_symbol(run_app: RunApp, home: Path) -> None:
    for part in ("Gaps", "Revisions", "Conflicts", "Quarantine"):
        app = run_app(home, QUALITY, part=part, of="SHIBUSDT")
        assert not app.exception
        assert not app.dataframe


def test_without_dagster_the_checks_report_it(
    run_app: RunApp, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTO_DAGSTER_URL", "http://127.0.0.1:1")
    app = run_app(home, QUALITY, part="Checks")
    assert not app.exception
    assert "Cannot reach Dagster" in texts_of(app)


def test_a_long_retry_after_does_not_block_verification(
    run_app: RunApp, home: Path, monkeypatch: pytest.MonkeyPatch, as_operator: None
) -> None:
    with scripted(in_turn(Answer(429, b"{}", {"Retry-After": "90"}))) as exchange:
        for name in ("EXCHANGE", "ARCHIVE"):
            monkeypatch.setenv(f"CRYPTO_{name}_URL", exchange.url)
        app = run_app(home, QUALITY, part="Verify")
        started = time.monotonic()
        click_verify(app)
        assert time.monotonic() - started < 30
    assert not app.exception
    assert "Verification failed" in texts_of(app) and "wait" in texts_of(app)


def test_without_the_exchange_verification_reports_it(
    run_app: RunApp, home: Path, monkeypatch: pytest.MonkeyPatch, as_operator: None
) -> None:
    for name in ("EXCHANGE", "ARCHIVE"):
        monkeypatch.setenv(f"CRYPTO_{name}_URL", "http://127.0.0.1:1")
    app = click_verify(run_app(home, QUALITY, part="Verify"))
    assert not app.exception
    assert "Verification failed" in texts_of(app)
    assert "does not respond (Connection refused)" in texts_of(app)


def test_read_only_viewers_cannot_send_requests_to_the_exchange(
    run_app: RunApp, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted(in_turn(Answer(500))) as exchange:
        for name in ("EXCHANGE", "ARCHIVE"):
            monkeypatch.setenv(f"CRYPTO_{name}_URL", exchange.url)
        app = run_app(home, QUALITY, part="Verify")
        (button,) = [one for one in app.button if one.label == "Verify"]
        assert button.disabled
        button.proto.disabled = False
        click_verify(app)
        paths = {request.path for request in exchange.requests}
    assert paths <= {"/api/v3/time"}, "only the health check of every page"


def test_verification_shows_the_values_of_both_sides(
    run_app: RunApp,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    simulated_exchange: StartExchange,
    as_operator: None,
) -> None:
    exchange = simulated_exchange(now=now_ms(), seed=SEED)
    monkeypatch.setenv("CRYPTO_HOME", str(tmp_path))
    monkeypatch.setenv("CRYPTO_EXCHANGE_URL", exchange.url)
    monkeypatch.setenv("CRYPTO_ARCHIVE_URL", exchange.archive_url)
    store_faulty_data(tmp_path).close()
    context = open_pipeline_context(load_settings())
    initialize_stores(context, ["BTCUSDT"], load_settings().start_date)
    at = floor_ms(now_ms(), DAY_MS) - DAY_MS + HOUR_MS
    with sqlite3.connect(tmp_path / "warehouse.db") as database:
        database.execute("UPDATE hourly_klines SET high = high + 1 WHERE open_time = ?", (at,))
    database.close()
    app = click_verify(run_app(tmp_path, QUALITY, part="Verify"))
    assert not app.exception
    assert "differences" in texts_of(app)
    shown = table_of(app)
    (row,) = shown[
        (shown["column"] == "high")
        & (shown["at"] == format_utc(at))
        & (shown["against"] == "the exchange's")
    ].to_dict("records")
    assert float(row["ours"]) - float(row["theirs"]) == pytest.approx(1)
    context.warehouse.close()


def test_verification_has_a_maximum_of_days(run_app: RunApp, home: Path, as_operator: None) -> None:
    app = run_app(home, QUALITY, part="Verify")
    app.date_input(key="verify_from").set_value(date(2025, 1, 1))
    assert "Choose 1 to 31 days" in texts_of(click_verify(app))


def click_verify(app: AppTest) -> AppTest:
    (button,) = [one for one in app.button if one.label == "Verify"]
    return button.click().run()

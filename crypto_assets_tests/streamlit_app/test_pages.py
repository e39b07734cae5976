"""Dashboard and Analytics without a browser: contents, empty states, and errors."""

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets.shown_command import format_command
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.streamlit_app.conftest import RunApp, make_home

pytestmark = pytest.mark.slow  # each page takes a second

ANALYTICS = "app_pages/analytics.py"


def texts_of(app: AppTest) -> str:
    """Return the text of all notices, captions, and code."""
    elements = [*app.error, *app.warning, *app.info, *app.caption, *app.code, *app.markdown]
    return "\n".join(str(element.value) for element in elements)


def metrics_of(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_the_dashboard_has_a_tile_for_each_symbol(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home)
    assert not app.exception
    shown = metrics_of(app)
    assert re.fullmatch(r"[\d,]+\.\d{2}", shown["BTC / USDT"])
    assert re.fullmatch(r"0\.0000\d{4}", shown["SHIB / USDT"])
    assert all(re.fullmatch(r"[+-]\d+\.\d\d%", tile.delta) for tile in app.metric[:2])
    assert shown["Candles"] == f"{2 * 9 * 1440 - 120:,}"
    assert shown["Lake objects"] == "2"
    assert "Nothing needs attention" in texts_of(app)


def test_a_tile_links_to_its_chart(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home)
    assert [link.proto.query_string for link in app.page_link] == [
        "symbol=BTCUSDT",
        "symbol=SHIBUSDT",
    ]


def test_stale_symbols_are_listed_once(run_app: RunApp, tmp_path: Path) -> None:
    warehouse = make_home(tmp_path, ("BTCUSDT", "SHIBUSDT", "XRPUSDT"))
    until = floor_ms(now_ms(), MINUTE_MS) - 2 * 60 * MINUTE_MS
    for symbol in ("BTCUSDT", "SHIBUSDT"):
        load(warehouse, symbol, generated(symbol, Window(until - DAY_MS, until)))
    app = run_app(tmp_path)
    warnings = [warning.value for warning in app.warning if "USDT" in warning.value]
    stale, empty = sorted(warnings, key=lambda text: "BTC" not in text)
    assert "BTCUSDT for 2 h" in stale and "SHIBUSDT for 2 h" in stale and "`ingest`" in stale
    assert "XRPUSDT" in empty and "Scheduler page" in empty
    assert not app.exception


def test_without_a_warehouse_pages_explain_what_to_do(run_app: RunApp, tmp_path: Path) -> None:
    for page in (None, ANALYTICS):
        app = run_app(tmp_path, page)
        assert not app.exception
        assert "not set up yet" in texts_of(app)
        assert f"{format_command('init')}\n" in texts_of(app)
        assert format_command("backfill", "--symbols", "BTCUSDT") in texts_of(app)


def test_without_symbols_pages_explain_what_to_do(run_app: RunApp, tmp_path: Path) -> None:
    make_home(tmp_path, ())
    for page in (None, ANALYTICS):
        app = run_app(tmp_path, page)
        assert not app.exception
        assert f"CRYPTO_SYMBOLS=BTCUSDT,ETHUSDT {format_command('init')}" in texts_of(app)


def test_without_candles_pages_explain_what_to_do(run_app: RunApp, tmp_path: Path) -> None:
    make_home(tmp_path)
    dashboard, chart = (run_app(tmp_path, page) for page in (None, ANALYTICS))
    assert not dashboard.exception and not chart.exception
    assert "**No candles yet**: BTCUSDT, SHIBUSDT" in texts_of(dashboard)
    assert "crypto-assets backfill --symbols BTCUSDT --from 20" in texts_of(chart)
    assert f"CRYPTO_HOME={tmp_path}" in texts_of(chart)


def test_many_symbols_are_a_table(run_app: RunApp, tmp_path: Path) -> None:
    names = [f"{base}USDT" for base in ("BTC", "ETH", "SOL", "XRP", "ADA", "DOT", "LTC")]
    warehouse = make_home(tmp_path, tuple(names))
    until = floor_ms(now_ms(), MINUTE_MS)
    load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until - DAY_MS, until)))
    app = run_app(tmp_path)
    assert not app.exception
    assert set(metrics_of(app)) == {"Candles", "Lake objects", "Storage", "Lag"}
    (table,) = [found for found in app.get("bidi_component") if "symbols" in str(found.proto.id)]
    assert all(name in str(table.proto) for name in names)


def test_a_broken_warehouse_is_explained_without_a_traceback(
    run_app: RunApp, tmp_path: Path
) -> None:
    (tmp_path / "warehouse.db").write_bytes(b"not a database, but long enough to be read as one")
    for page in (None, ANALYTICS):
        app = run_app(tmp_path, page)
        assert not app.exception
        assert "is not a valid SQLite file" in texts_of(app)


def test_an_unreachable_warehouse_is_shown_without_its_password(
    run_app: RunApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTO_WAREHOUSE_URL", "mysql+pymysql://reader:s3cret@127.0.0.1:1/market")
    for page in (None, ANALYTICS):
        app = run_app(tmp_path, page)
        assert not app.exception
        assert "Cannot reach the warehouse" in texts_of(app) and "127.0.0.1:1" in texts_of(app)
        assert "retries automatically" in texts_of(app)
        assert "s3cret" not in texts_of(app)

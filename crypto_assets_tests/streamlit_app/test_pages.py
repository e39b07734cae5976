"""The pages without a browser: what they show, and what they say where there is nothing to show."""

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.streamlit_app.conftest import RunApp, make_home

ANALYTICS = "app_pages/analytics.py"


def words_of(app: AppTest) -> str:
    """All that the page says in notices, captions, and code."""
    shown = [*app.error, *app.warning, *app.info, *app.caption, *app.code, *app.markdown]
    return "\n".join(str(one.value) for one in shown)


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
    assert "Nothing needs attention" in words_of(app)


def test_a_tile_leads_to_its_chart(run_app: RunApp, stocked_home: Path) -> None:
    app = run_app(stocked_home)
    assert [link.proto.query_string for link in app.page_link] == [
        "symbol=BTCUSDT",
        "symbol=SHIBUSDT",
    ]


def test_silent_symbols_are_named_once(run_app: RunApp, tmp_path: Path) -> None:
    warehouse = make_home(tmp_path, ("BTCUSDT", "SHIBUSDT", "XRPUSDT"))
    until = floor_ms(now_ms(), MINUTE_MS) - 2 * 60 * MINUTE_MS
    for symbol in ("BTCUSDT", "SHIBUSDT"):
        load(warehouse, symbol, generated(symbol, Window(until - DAY_MS, until)))
    app = run_app(tmp_path)
    about_symbols = [w.value for w in app.warning if "USDT" in w.value]
    silent, empty = sorted(about_symbols, key=lambda text: "BTC" not in text)
    assert "BTCUSDT for 2 h" in silent and "SHIBUSDT for 2 h" in silent and "`ingest`" in silent
    assert "XRPUSDT" in empty and "crypto-assets backfill" in empty
    assert not app.exception


def test_without_a_warehouse_every_page_says_what_to_do(run_app: RunApp, tmp_path: Path) -> None:
    for page in (None, ANALYTICS):
        app = run_app(tmp_path, page)
        assert not app.exception
        assert "not set up yet" in words_of(app)
        assert "crypto-assets init\ncrypto-assets backfill --symbols BTCUSDT" in words_of(app)


def test_without_symbols_every_page_says_what_to_do(run_app: RunApp, tmp_path: Path) -> None:
    make_home(tmp_path, ())
    for page in (None, ANALYTICS):
        app = run_app(tmp_path, page)
        assert not app.exception
        assert "CRYPTO_SYMBOLS=BTCUSDT,ETHUSDT crypto-assets init" in words_of(app)


def test_without_candles_every_page_says_what_to_do(run_app: RunApp, tmp_path: Path) -> None:
    make_home(tmp_path)
    board, chart = (run_app(tmp_path, page) for page in (None, ANALYTICS))
    assert not board.exception and not chart.exception
    assert "**No candle yet**: BTCUSDT, SHIBUSDT" in words_of(board)
    assert "crypto-assets backfill --symbols BTCUSDT --from 20" in words_of(chart)


def test_a_broken_warehouse_is_explained_without_a_traceback(
    run_app: RunApp, tmp_path: Path
) -> None:
    (tmp_path / "warehouse.db").write_bytes(b"not a database, but long enough to be read as one")
    for page in (None, ANALYTICS):
        app = run_app(tmp_path, page)
        assert not app.exception
        assert "is not a valid SQLite file" in words_of(app)


def test_a_warehouse_that_does_not_answer_is_named_without_its_password(
    run_app: RunApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTO_WAREHOUSE_URL", "mysql+pymysql://reader:s3cret@127.0.0.1:1/market")
    for page in (None, ANALYTICS):
        app = run_app(tmp_path, page)
        assert not app.exception
        assert "does not answer" in words_of(app) and "127.0.0.1:1" in words_of(app)
        assert "looks again by itself" in words_of(app)
        assert "s3cret" not in words_of(app)

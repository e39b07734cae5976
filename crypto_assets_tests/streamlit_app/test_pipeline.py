"""The page Pipeline without a browser: the data flow and each tab."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from crypto_assets.market.utc_time import DAY_MS, Window, floor_ms, now_ms
from crypto_assets.reports import ExplorerDataset, Reports
from crypto_assets.reports.table_files import FileKind
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.streamlit_app.conftest import RunApp
from crypto_assets_tests.streamlit_app.faulty_home import store_faulty_data
from crypto_assets_tests.streamlit_app.test_pages import texts_of
from streamlit_app.components import flow_diagram
from streamlit_app.data import pipeline

pytestmark = pytest.mark.slow  # each page takes a second

PIPELINE = "app_pages/pipeline.py"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("faulty")
    warehouse = store_faulty_data(home)
    yield home
    warehouse.close()


def table_of(app: AppTest) -> pd.DataFrame:
    frame: pd.DataFrame = app.dataframe[0].value
    return frame


def flow_html_of(app: AppTest) -> str:
    return " ".join(str(element.proto.body) for element in app.get("html"))


def test_the_flow_counts_stored_rows(run_app: RunApp, home: Path) -> None:
    app = run_app(home, PIPELINE)
    assert not app.exception
    warehouse = Warehouse(f"sqlite:///{home / 'warehouse.db'}")
    flow = Reports(warehouse).get_data_flow()
    warehouse.close()
    minutes = f'{flow.stages[2].stored:,} <span class="unit">candles'
    assert minutes in flow_html_of(app)
    assert '2 <span class="unit">symbols' in flow_html_of(app)
    assert '1 <span class="unit">snapshots' in flow_html_of(app)


def test_the_stages_are_in_the_order_of_the_flow(home: Path) -> None:
    warehouse = Warehouse(f"sqlite:///{home / 'warehouse.db'}")
    html = flow_diagram.format_flow_html(Reports(warehouse).get_data_flow())
    warehouse.close()
    names = ("Exchange", "Lake: candles", "Minutes", "Hours", "Days", "Lake: order books")
    places = [html.index(f'class="name">{name}<') for name in names]
    assert places == sorted(places)


def test_without_dagster_only_the_runs_are_missing(
    run_app: RunApp, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTO_DAGSTER_URL", "http://127.0.0.1:1")
    app = run_app(home, PIPELINE)
    assert not app.exception
    text = texts_of(app)
    assert "Cannot reach Dagster" in text
    assert "`http://127.0.0.1:1`: start it with `crypto-assets up`" in text
    assert "retries automatically" in text
    assert "Minutes" in flow_html_of(app)


def test_the_log_lists_every_object_newest_first(run_app: RunApp, home: Path) -> None:
    shown = table_of(run_app(home, PIPELINE, part="Ingestion log"))
    assert set(shown["kind"]) == {"klines", "depth"}
    assert set(shown["source"]) == {"rest", "archive"}
    assert list(shown["fetched_at"]) == sorted(shown["fetched_at"], reverse=True)


def test_deduplication_counts_add_up(run_app: RunApp, home: Path) -> None:
    shown = table_of(run_app(home, PIPELINE, part="Deduplication"))
    (btc,) = shown[shown["symbol"] == "BTCUSDT"].to_dict("records")
    assert btc["delivered"] == btc["stored"] + btc["repeated"] + btc["quarantined"]


def test_storage_is_by_bucket_and_table(run_app: RunApp, home: Path) -> None:
    app = run_app(home, PIPELINE, part="Storage")
    lake, warehouse = (element.value for element in app.dataframe)
    assert list(lake["bucket"]) == ["raw", "raw"]
    assert list(warehouse["table"]) == ["warehouse.db"]


def test_the_explorer_pages_by_key_and_sets_the_url(run_app: RunApp, home: Path) -> None:
    app = run_app(home, PIPELINE, part="Data explorer", symbol="BTCUSDT")
    first = table_of(app)
    assert len(first) == 100
    app.button(key="turn_Older").click().run()
    second = table_of(app)
    assert second["open_time"].max() < first["open_time"].min()
    assert app.query_params["before"]
    app.button(key="turn_Newer").click().run()
    assert list(table_of(app)["open_time"]) == list(first["open_time"])
    assert "before" not in app.query_params


@pytest.mark.parametrize(("table", "rows"), [("Hours", 70), ("Days", 3), ("Order books", 1)])
def test_the_explorer_shows_every_table(run_app: RunApp, home: Path, table: str, rows: int) -> None:
    app = run_app(home, PIPELINE, part="Data explorer", table=table, symbol="BTCUSDT")
    assert not app.exception
    assert len(table_of(app)) >= rows


def test_the_explorer_shows_only_its_range(run_app: RunApp, home: Path) -> None:
    app = run_app(home, PIPELINE, part="Data explorer", table="Days", symbol="SHIBUSDT")
    assert not app.exception
    assert not app.dataframe
    assert "No days of SHIBUSDT in this range" in texts_of(app)


def test_a_download_has_the_whole_range_exactly(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = Warehouse(f"sqlite:///{home / 'warehouse.db'}")
    monkeypatch.setattr(pipeline, "get_reports", lambda: Reports(warehouse))
    today = floor_ms(now_ms(), DAY_MS)
    window = Window(today - DAY_MS, today)
    csv: Any = pipeline.export_rows(ExplorerDataset.MINUTES, "BTCUSDT", window, FileKind.CSV)
    lines = csv.decode().splitlines()
    assert lines[0].startswith("open_time,open,high,low,close,volume")
    assert len(lines) == 1 + 1440
    assert all("E" not in line.split(",")[5] for line in lines[1:])
    parquet = pipeline.export_rows(ExplorerDataset.DAYS, "BTCUSDT", window, FileKind.PARQUET)
    warehouse.close()
    assert parquet[:4] == b"PAR1"

"""`from crypto_assets import connect`: frames, exact tables, and the example notebook."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crypto_assets import connect
from crypto_assets.errors import UnknownProvider, UnknownSymbol, WarehouseNotReady, WrongUse
from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window, day_start_ms, from_epoch_ms
from crypto_assets.market_data import MarketData
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.reports.stock import describe, generated, load
from crypto_assets_tests.services.programs import run_program

NOTEBOOK = Path(__file__).parents[1] / "docs" / "example.ipynb"
FIRST = day_start_ms(date(2025, 3, 1))
# Four days and half an hour.
STOCK = Window(FIRST, FIRST + 4 * DAY_MS + HOUR_MS // 2)
HOLE = Window(FIRST + 30 * HOUR_MS, FIRST + 33 * HOUR_MS)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('python') / 'warehouse.db'}"
    warehouse = Warehouse(url)
    warehouse.migrate_schema()
    warehouse.symbols.register_symbols(
        [describe(name) for name in ("BTCUSDT", "ETHUSDT", "XRPUSDT")]
    )
    load(warehouse, "BTCUSDT", generated("BTCUSDT", STOCK, [HOLE]))
    load(warehouse, "ETHUSDT", generated("ETHUSDT", STOCK))
    warehouse.close()
    return url


@pytest.fixture
def market(url: str) -> Iterator[MarketData]:
    with connect(url) as opened:
        yield opened


def test_the_package_is_light_until_it_connects() -> None:
    code = "import crypto_assets, sys; print({'pandas', 'sqlalchemy'} & set(sys.modules))"
    done = run_program([sys.executable, "-c", code])
    assert done.stdout.strip() == "set()"


def test_candles_are_a_frame_with_a_utc_index(market: MarketData) -> None:
    frame = market.candles("btcusdt", "1h", "2025-03-01", "2025-03-02")
    assert list(frame.columns) == [*CANDLE_COLUMNS, "forming", "partial"]
    assert str(frame.index.tz) == "UTC" and frame.index.name == "time"
    assert frame.index[0] == pd.Timestamp("2025-03-01", tz="UTC")
    assert len(frame) == 24 and frame.index.is_monotonic_increasing
    assert frame["close"].dtype == "float64" and not frame["forming"].any()


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-03-01", "2025-03-01T06:00"),
        (date(2025, 3, 1), datetime(2025, 3, 1, 6, tzinfo=UTC)),
        (FIRST, FIRST + 6 * HOUR_MS),
        (str(FIRST), "2025-03-01T07:00+01:00"),
        (np.int64(FIRST), np.datetime64("2025-03-01T06:00")),
        (np.datetime64(FIRST, "ms"), pd.Timestamp("2025-03-01T07:00", tz="Europe/Berlin")),
    ],
)
def test_times_may_have_any_supported_type(market: MarketData, start: object, end: object) -> None:
    assert len(market.candles("BTCUSDT", "1h", start, end)) == 6  # type: ignore[arg-type]


def test_without_a_start_the_newest_candles(market: MarketData) -> None:
    assert len(market.candles("ETHUSDT", "1m")) == 500
    newest = market.candles("ETHUSDT", "1h", limit=2)
    assert newest["open_time"].tolist() == [FIRST + 95 * HOUR_MS, FIRST + 96 * HOUR_MS]
    assert newest["forming"].tolist() == [False, True]
    before = market.candles("ETHUSDT", "1d", end="2025-03-03", limit=1)
    assert before.index[0].date() == date(2025, 3, 2)


def test_with_a_start_all_candles_from_it_on(market: MarketData) -> None:
    assert len(market.candles("ETHUSDT", "1m", "2025-03-01")) == 4 * 1440 + 30
    assert len(market.candles("ETHUSDT", "1m", "2025-03-01", limit=7)) == 7


def test_gaps_are_not_filled(market: MarketData) -> None:
    frame = market.candles("BTCUSDT", "1h", "2025-03-02", "2025-03-03")
    assert len(frame) == 21
    (gap,) = market.gaps("BTCUSDT", "1h", "2025-03-02", "2025-03-03").itertuples(index=False)
    assert (gap.start, gap.end) == (from_epoch_ms(HOLE.start_ms), from_epoch_ms(HOLE.end_ms))
    assert market.gaps("ETHUSDT", "1h").empty


def test_arrow_and_parquet_are_exact(market: MarketData, tmp_path: Path) -> None:
    table = market.arrow("ETHUSDT", "1d", "2025-03-01", "2025-03-05")
    flags = [pa.field(name, pa.bool_()) for name in ("forming", "partial")]
    assert table.schema == pa.schema([*CANDLE_SCHEMA, *flags])
    assert table["forming"].to_pylist() == table["partial"].to_pylist() == [False] * 4
    assert isinstance(table["close"][0].as_py(), Decimal)
    path = tmp_path / "eth.parquet"
    assert market.to_parquet(path, "ETHUSDT", "1d", "2025-03-01", "2025-03-05") == 4
    assert pq.read_table(path).equals(table)


def test_indicators_by_name(market: MarketData) -> None:
    rsi = market.indicator("rsi", "ETHUSDT", "1h", period=7)
    assert list(rsi.columns) == ["rsi"] and rsi["rsi"].iloc[-1] > 0
    pair = market.indicator("correlation", "ETHUSDT", "1h", limit=24, with_="BTCUSDT", window=10)
    assert pair.index.equals(market.candles("ETHUSDT", "1h", limit=24).index)
    profile = market.indicator("volume_profile", "ETHUSDT", "1h", bins=10)
    assert len(profile.bars) == 10
    assert market.indicator("rsi", "XRPUSDT") is None
    assert "rsi" in market.indicators()
    assert market.symbols() == ["BTCUSDT", "ETHUSDT", "XRPUSDT"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"start": float(FIRST)}, "is not an instant: write"),
        ({"start": 20250305}, "20250305 may be a date, seconds or milliseconds: write"),
        ({"end": "20250305"}, "'20250305' may be a date"),
        ({"start": pd.NaT}, "NaT is not an instant"),
        ({"end": np.datetime64("NaT", "s")}, "is not an instant"),
        ({"start": True}, "True is not an instant"),
        ({"start": -(10**30)}, "outside of the years 1 to 9999"),
        ({"end": 10**30}, "outside of the years 1 to 9999"),
        ({"limit": 0}, "limit must be 1 or more, not 0"),
        ({"limit": 2.5}, "limit must be a whole number, not 2.5"),
    ],
)
def test_invalid_instants_and_limits_are_wrong_use(
    market: MarketData, asked: dict[str, Any], words: str
) -> None:
    with pytest.raises(WrongUse, match=words):
        market.candles("ETHUSDT", "1h", **asked)


def test_a_limit_may_be_a_numpy_integer(market: MarketData) -> None:
    assert len(market.candles("ETHUSDT", "1h", limit=np.int64(3))) == 3  # type: ignore[arg-type]


def test_wrong_use_lists_valid_values(market: MarketData) -> None:
    with pytest.raises(UnknownSymbol, match="DOGEUSDT is not in the warehouse"):
        market.candles("DOGEUSDT")
    with pytest.raises(UnknownSymbol, match="None cannot be a symbol"):
        market.candles(None)  # type: ignore[arg-type]
    with pytest.raises(WrongUse, match="no interval None; available: 1m, 3m"):
        market.candles("BTCUSDT", None)  # type: ignore[arg-type]
    with pytest.raises(UnknownProvider, match=r"available: ac, .*atr"):
        market.indicator(None, "BTCUSDT")  # type: ignore[arg-type]
    with pytest.raises(WrongUse, match="no interval '2m'; available: 1m, 3m"):
        market.candles("BTCUSDT", "2m")
    with pytest.raises(WrongUse, match="not an instant"):
        market.candles("BTCUSDT", "1h", "yesterday")
    with pytest.raises(WrongUse, match="must be before"):
        market.candles("BTCUSDT", "1h", "2025-03-02", "2025-03-01")
    with pytest.raises(UnknownProvider, match=r"available: ac, .*atr"):
        market.indicator("rsy", "BTCUSDT")
    with pytest.raises(WrongUse, match="no parameter 'length'; available: period"):
        market.indicator("sma", "BTCUSDT", length=3)


def test_a_warehouse_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WarehouseNotReady, match="crypto-assets init"):
        connect(f"sqlite:///{tmp_path / 'none.db'}")


def test_the_example_notebook_runs(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CRYPTO_WAREHOUSE_URL", url)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for number, cell in enumerate(json.loads(NOTEBOOK.read_text())["cells"]):
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            exec(compile(source, f"cell {number}", "exec"), names)  # noqa: S102
    assert isinstance(names["hours"], pd.DataFrame) and not names["hours"].empty
    assert (tmp_path / "btc.parquet").exists()

"""`crypto-assets demo --once`, and commands over the home that it has created."""

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from crypto_assets.market.candles import CANDLE_COLUMNS
from crypto_assets.market.utc_time import MINUTE_MS, day_of, now_ms
from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.cli.conftest import Desk, Ran, desk_at

_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
_DAYS = 3


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, Ran]:
    """A desk after a demo with default settings."""
    desk = desk_at(
        tmp_path_factory.mktemp("demo"), "http://127.0.0.1:9", SYMBOLS=",".join(_SYMBOLS)
    )
    return desk, desk.run("demo", "--once", "--days", str(_DAYS))


def test_the_demo_reports_what_it_loaded_and_checked(demo: tuple[Desk, Ran]) -> None:
    desk, ran = demo
    assert ran.code == 0, ran.err
    for symbol in _SYMBOLS:
        assert symbol in ran.out
    assert "minute candles loaded in" in ran.out
    assert str(desk.home) in ran.out


def test_a_second_demo_loads_only_what_is_missing(demo: tuple[Desk, Ran]) -> None:
    desk, _ = demo
    ran = desk.run("demo", "--once", "--days", str(_DAYS))
    assert ran.code == 0, ran.err
    today = day_of(now_ms())
    assert "are stored already" in ran.out and f"{today} to {today}, as Dagster runs" in ran.out
    (line,) = [line for line in ran.out.splitlines() if "minute candles loaded in" in line]
    loaded, stored = (int(part.split()[0].replace(",", "")) for part in line.split("; "))
    assert loaded < len(_SYMBOLS) * 60, "only the minutes since the first demo"
    assert stored >= (_DAYS - 1) * 1440 * len(_SYMBOLS)


def test_status_as_json(demo: tuple[Desk, Ran]) -> None:
    desk, _ = demo
    ran = desk.run("status", "--json")
    assert ran.code == 0, ran.err
    stored = {one["symbol"]: one for one in json.loads(ran.out)["symbols"]}
    assert set(stored) == set(_SYMBOLS)
    for one in stored.values():
        minutes = (one["last_open_time"] - one["first_open_time"]) // MINUTE_MS + 1
        assert one["rows"] == minutes >= (_DAYS - 1) * 1440
        assert one["coverage"] == 1
        assert one["open_gaps"] == 0


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_export_writes_every_candle(suffix: str, demo: tuple[Desk, Ran], tmp_path: Path) -> None:
    desk, _ = demo
    day = str(day_of(now_ms() - 86_400_000))
    target = tmp_path / f"hours.{suffix}"
    words = ("--symbol", "ETHUSDT", "--interval", "1h", "--from", day, "--to", day)
    ran = desk.run("export", *words, "-o", str(target))
    assert ran.code == 0, ran.err
    if suffix == "csv":
        lines = target.read_text().splitlines()
        assert tuple(lines[0].split(",")) == (*CANDLE_COLUMNS, "partial")
        assert {line.rpartition(",")[2] for line in lines[1:]} == {"false"}
        assert len(lines) == 1 + 24
    else:
        table = pyarrow.parquet.read_table(target)
        assert table.column_names == [*CANDLE_COLUMNS, "partial"]
        assert table.num_rows == 24


def test_export_to_an_unknown_file_type_is_rejected(demo: tuple[Desk, Ran]) -> None:
    desk, _ = demo
    words = ("--symbol", "ETHUSDT", "--from", "2025-01-01", "--to", "2025-01-01", "-o", "x.txt")
    ran = desk.run("export", *words)
    assert ran.code == 2
    assert ".parquet" in ran.complaint


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(tmp_path: Path) -> None:
    names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY")
    ran = desk_at(tmp_path, "http://127.0.0.1:9").run(
        *("demo", "--once", "--days", "1"),
        **dict.fromkeys(names, "http://127.0.0.1:9"),
        **dict.fromkeys(("no_proxy", "NO_PROXY"), ""),
    )
    assert ran.code == 0, ran.err


def test_what_the_demo_loads_links_to_the_port_of_the_app(demo: tuple[Desk, Ran]) -> None:
    desk, _ = demo
    port = require_free_port(0)
    ran = desk.run("demo", "--once", "--days", "1", "--app-port", str(port))
    assert ran.code == 0, ran.err
    storage = desk.home / "dagster/history"
    events = b"".join(path.read_bytes() for path in storage.rglob("*.db"))
    assert f"http://127.0.0.1:{port}/analytics".encode() in events

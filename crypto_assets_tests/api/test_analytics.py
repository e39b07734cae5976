"""Every provider has a route, parameters and a schema, including newly added ones."""

import importlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import crypto_assets.analytics.providers as package
from crypto_assets.analytics.registry import find_providers
from crypto_assets.reports import Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.analytics.market_data import WRITTEN
from crypto_assets_tests.analytics.test_registry import NEW
from crypto_assets_tests.api.conftest import HOLE
from crypto_assets_tests.api.serving import Api, create_context, serve_api

# One generated provider is like all others.
PROVIDERS = {name: find_providers()[name] for name in (*WRITTEN, "kc")}
SERIES = [name for name, provider in PROVIDERS.items() if provider.is_series]
OBJECTS = [name for name in PROVIDERS if name not in SERIES]


def test_a_series_equals_the_report(
    api: Api, stocked: Warehouse, subtests: pytest.Subtests
) -> None:
    for name in SERIES:
        with subtests.test(name):
            _check_series(api, stocked, name)


def _check_series(api: Api, stocked: Warehouse, name: str) -> None:
    answer = api.read(f"/api/analytics/data/{name}/SHIBUSDT", interval="15m", limit=50)
    result = Reports(stocked).get_indicator(name, "SHIBUSDT", "15m", limit=50)
    assert result is not None and answer["params"] == dict(result.params)
    rows = answer["data"]
    assert [row["open_time"] for row in rows] == [
        round(moment.timestamp() * 1000) for moment in result.value.index
    ]
    for column in result.value.columns:
        expected = [None if math.isnan(value) else value for value in result.value[column]]
        assert [row[column] for row in rows] == expected
    assert {"time", "forming"} <= rows[-1].keys() and rows[-1]["forming"]


@pytest.mark.parametrize("name", OBJECTS)
def test_other_results_are_one_object(api: Api, name: str) -> None:
    answer = api.read(f"/api/analytics/data/{name}/BTCUSDT", limit=48)
    assert isinstance(answer["data"], dict) and answer["data"]
    assert set(answer) == {"symbol", "interval", "params", "data", "gaps"}
    if find_providers()[name].needs_candles:
        assert api.read(f"/api/analytics/data/{name}/XRPUSDT")["data"] is None


def test_undefined_values_are_null(api: Api) -> None:
    rows = api.read("/api/analytics/data/sma/SHIBUSDT", interval="1d", period=4)["data"]
    assert [row["sma"] is None for row in rows] == [True] * 3 + [False] * (len(rows) - 3)
    matrix = api.read("/api/analytics/data/correlation_matrix/BTCUSDT", limit=24)["data"]
    assert matrix["symbols"] == ["BTCUSDT", "SHIBUSDT", "XRPUSDT"]
    assert matrix["matrix"][0][2] is None


def test_a_series_includes_its_gaps(api: Api) -> None:
    answer = api.read("/api/analytics/data/rsi/BTCUSDT", interval="5m", limit=1000)
    assert answer["gaps"] == [{"start": HOLE.start_ms, "end": HOLE.end_ms, "class": "outage"}]


def test_lists_are_comma_separated_or_repeated(api: Api) -> None:
    path = "/api/analytics/data/correlation_matrix/BTCUSDT"
    for symbols in ("SHIBUSDT,BTCUSDT", ["SHIBUSDT", "BTCUSDT"]):
        assert api.read(path, symbols=symbols)["data"]["symbols"] == ["SHIBUSDT", "BTCUSDT"]


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("sma/BTCUSDT?period=0", 422, "period: Input should be greater than or equal to 1"),
        ("sma/BTCUSDT?period=x", 422, "period: Input should be a valid integer"),
        ("sma/BTCUSDT?length=5", 422, "no parameter 'length'; available: period, interval, start"),
        ("macd/BTCUSDT?fast_period=30", 422, "fast_period (30) must be below slow_period (26)"),
        ("rsi/BTCUSDT?period=14&period=15", 422, "period is given more than once"),
        ("vwap/BTCUSDT?anchor=year&interval=1m", 422, "choose a shorter anchor"),
        ("bollinger/BTCUSDT?std=nan", 422, "std: Input should be a finite number"),
        ("correlation/BTCUSDT?with=NOPE", 404, "NOPE is not in the warehouse"),
        ("correlation/BTCUSDT?with=;--", 404, "cannot be a symbol"),
        ("rsy/BTCUSDT", 404, "no provider 'rsy'; available: ac, accbands"),
        ("rsy/BTCUSDT?x=1", 404, "no provider 'rsy'"),
        ("rsi/NOPE", 404, "NOPE is not in the warehouse"),
    ],
)
def test_errors_describe_the_problem(api: Api, path: str, status: int, reason: str) -> None:
    answer = api.get(f"/api/analytics/data/{path}")
    assert answer.status_code == status
    assert reason in answer.json()["detail"]


def test_providers_list_parameters_and_columns(api: Api) -> None:
    providers = {each["name"]: each for each in api.read("/api/analytics/providers")["data"]}
    assert providers.keys() == find_providers().keys()
    assert providers["rsi"]["params"]["properties"]["period"]["maximum"] == 100
    assert providers["bollinger"]["columns"]["upper"] == "quote units"
    assert providers["order_book"]["columns"] == {}


def test_the_document_has_each_providers_parameters_and_columns(api: Api) -> None:
    document = api.read("/openapi.json")
    for name, provider in find_providers().items():
        operation = document["paths"][f"/api/analytics/data/{name}/{{symbol}}"]["get"]
        names = {each["name"] for each in operation["parameters"]}
        own = {field.alias or key for key, field in provider.params.model_fields.items()}
        assert names == {"symbol", "interval", "start", "end", "limit", *own}
        assert operation["description"].startswith(provider.summary)
    row = document["components"]["schemas"]["rsi_row"]["properties"]["rsi"]
    assert {"type": "null"} in row["anyOf"] and row["description"] == "0 to 100"
    profile = document["components"]["schemas"]["VolumeProfile"]["properties"]
    assert {"type": "null"} in profile["point_of_control"]["anyOf"]


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Add the file of one more provider to the package."""
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    (tmp_path / "middle.py").write_text(NEW)
    before = set(sys.modules)
    importlib.invalidate_caches()
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.usefixtures("added")
def test_a_new_file_is_a_new_route(stocked: Warehouse, tmp_path: Path) -> None:
    with serve_api(create_context(stocked, tmp_path)) as api:
        (row,) = api.read("/api/analytics/data/middle/SHIBUSDT", limit=1, weight=1)["data"]
        (candle,) = api.read("/api/analytics/data/candlestick/SHIBUSDT", limit=1)["data"]
        assert row["middle"] == candle["high"]
        operation = api.read("/openapi.json")["paths"]["/api/analytics/data/middle/{symbol}"]["get"]
        weight = next(each for each in operation["parameters"] if each["name"] == "weight")
        assert (weight["schema"]["maximum"], weight["description"]) == (1, "part of the high")
        assert "middle" in [each["name"] for each in api.read("/api/analytics/providers")["data"]]
        wrong = api.get("/api/analytics/data/middle/SHIBUSDT", weight=2)
        assert wrong.status_code == 422 and "weight: " in wrong.json()["detail"]

"""Responses match the OpenAPI document, and none is a 5xx.

test_control.py checks the routes that need Dagster.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.analytics.market_data import GENERATED
from crypto_assets_tests.api.conftest import UNTIL, Stock
from crypto_assets_tests.api.contract import check_contract
from crypto_assets_tests.api.serving import Api, create_context, serve_api
from crypto_assets_tests.reports.stock import describe, generated, load
from crypto_assets_tests.services.exchange import StartExchange

ROUTES = {
    *("GET symbols", "POST symbols", "DELETE symbols/{symbol}"),
    *("GET stats/{symbol}", "GET klines/{symbol}", "GET order-book/{symbol}", "GET dashboard"),
    *("GET pipeline/status", "GET pipeline/ingestion-log", "GET pipeline/deduplication"),
    *("GET pipeline/storage", "GET pipeline/gaps", "GET pipeline/quality"),
    *("GET schedules", "PUT schedules/{name}", "POST schedules/{name}/run"),
    *("GET sensors", "PUT sensors/{name}", "POST sensors/{name}/run"),
    *("POST backfills", "GET backfills/{id}", "DELETE backfills/{id}", "POST maintenance/{task}"),
    "GET analytics/providers",
}


WITHOUT_DAGSTER = (
    *("--exclude-tag", "control", "--exclude-tag", "backfills"),
    *("--exclude-path", "/health"),
    # One generated provider is like all others.
    *("--exclude-path-regex", f"/data/({'|'.join(sorted(set(GENERATED) - {'kc'}))})/"),
)


@pytest.fixture
def stock(sqlite_stock: Stock) -> Stock:
    return sqlite_stock


@pytest.fixture
def own(tmp_path: Path, simulated_exchange: StartExchange) -> Iterator[Api]:
    """An API with an exchange, so that symbols can be tracked and untracked."""
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    warehouse.symbols.register_symbols([describe("BTCUSDT"), describe("ETHUSDT")])
    hole = Window(UNTIL - 5 * HOUR_MS, UNTIL - 3 * HOUR_MS)
    for day in Window(UNTIL - DAY_MS, UNTIL).iter_days():
        part = Window(UNTIL - DAY_MS, UNTIL) & Window.of_day(day)
        load(warehouse, "BTCUSDT", generated("BTCUSDT", part, [hole]))
    warehouse.gap_ledger.refresh_gaps("BTCUSDT", Window(UNTIL - DAY_MS, UNTIL))
    with serve_api(create_context(warehouse, tmp_path, simulated_exchange().url)) as served:
        yield served


def test_all_documented_routes_exist(api: Api) -> None:
    paths = api.read("/openapi.json")["paths"]
    there = {
        f"{method.upper()} {path.removeprefix('/api/')}"
        for path, operations in paths.items()
        for method in operations
        if path.startswith("/api/") and not path.startswith("/api/analytics/data/")
    }
    assert there == ROUTES
    assert {"/health/live", "/health", "/metrics"} <= paths.keys()


def test_every_parameter_and_route_has_a_description(api: Api) -> None:
    for path, operations in api.read("/openapi.json")["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], (method, path)
            for parameter in operation.get("parameters", []):
                assert parameter["description"], (path, parameter["name"])


def test_responses_match_the_openapi_document(own: Api, tmp_path: Path) -> None:
    report = check_contract(own, tmp_path, *WITHOUT_DAGSTER)
    generated_cases = re.search(r"(\d+) generated", report)
    assert generated_cases and int(generated_cases[1]) > 1000, report


def test_responses_without_a_token_match_the_openapi_document(own: Api, tmp_path: Path) -> None:
    report = check_contract(own, tmp_path, *WITHOUT_DAGSTER, token=None)
    generated_cases = re.search(r"(\d+) generated", report)
    assert generated_cases and int(generated_cases[1]) > 1000, report
    assert own.read("/api/symbols")["data"], "a request without a token has untracked a symbol"


def test_docs_load_no_external_scripts(api: Api) -> None:
    page = api.get("/docs").text
    assert "swagger" in page
    assert re.findall(r'(?:src|href)="(?!/)[^"]*"', page) == []
    for script in re.findall(r'(?:src|href)="(/[^"]*)"', page):
        assert api.get(script).status_code == 200

"""docs/api.md lists every route and metric, and no others."""

import re

import pytest

from crypto_assets_tests.api.conftest import Stock
from crypto_assets_tests.api.serving import Api
from crypto_assets_tests.project.repository import text

PAGE = text("docs/api.md")


@pytest.fixture
def stock(sqlite_stock: Stock) -> Stock:
    return sqlite_stock


def test_the_page_lists_exactly_the_existing_routes(api: Api) -> None:
    paths = api.read("/openapi.json")["paths"]
    there = {
        f"{method.upper()} {re.sub('data/[a-z0-9_]+/', 'data/{provider}/', path)}"
        for path, operations in paths.items()
        for method in operations
    }
    named = set(re.findall(r"`((?:GET|POST|PUT|DELETE) /[^`]+)`", PAGE))
    assert named == there


def test_the_page_lists_every_metric(api: Api) -> None:
    api.get("/api/symbols")
    metrics = set(
        re.findall(r"^# TYPE (crypto_assets_\w+) ", api.get("/metrics").text, re.MULTILINE)
    )
    # Run counts need a Dagster, and a histogram has a second family.
    metrics = {name.removesuffix("_created") for name in metrics} | {"crypto_assets_runs_24h"}
    assert (
        set(re.findall(r"`(crypto_assets_[a-z0-9_]+)", PAGE)) - {"crypto_assets_tests"} == metrics
    )


def test_the_curl_examples_work(api: Api) -> None:
    paths = re.findall(r"^curl 'http://127.0.0.1:8000(/[^']+)'", PAGE, re.MULTILINE)
    assert len(paths) == 3
    for path in paths:
        assert api.get(path).status_code == 200, path

"""docs/api.md names every route and every figure, and nothing that is not there."""

import re

import pytest

from crypto_assets_tests.api.conftest import Stock
from crypto_assets_tests.api.serving import Api
from crypto_assets_tests.project.repository import text

PAGE = text("docs/api.md")


@pytest.fixture
def stock(sqlite_stock: Stock) -> Stock:
    return sqlite_stock


def test_the_page_names_every_route_and_no_other(api: Api) -> None:
    paths = api.read("/openapi.json")["paths"]
    there = {
        f"{method.upper()} {re.sub('data/[a-z_]+/', 'data/{provider}/', path)}"
        for path, operations in paths.items()
        for method in operations
    }
    named = set(re.findall(r"`((?:GET|POST|PUT|DELETE) /[^`]+)`", PAGE))
    assert named == there


def test_the_page_names_every_figure(api: Api) -> None:
    api.get("/api/symbols")
    told = set(re.findall(r"^# TYPE (crypto_assets_\w+) ", api.get("/metrics").text, re.MULTILINE))
    # Those of runs need a Dagster, and a histogram has a second family of its own.
    told = {name.removesuffix("_created") for name in told} | {"crypto_assets_runs_24h"}
    assert set(re.findall(r"`(crypto_assets_[a-z0-9_]+)", PAGE)) - {"crypto_assets_tests"} == told


def test_its_curls_are_answered(api: Api) -> None:
    asked = re.findall(r"^curl 'http://127.0.0.1:8000(/[^']+)'", PAGE, re.MULTILINE)
    assert len(asked) == 3
    for path in asked:
        assert api.get(path).status_code == 200, path

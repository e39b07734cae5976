"""docs/api.md lists every route, docs/monitoring.md every metric, and no others."""

import re

import pytest

from crypto_assets_tests.api.conftest import Stock
from crypto_assets_tests.api.serving import Api
from crypto_assets_tests.project.repository import text

PAGE = text("docs/api.md")
MONITORING = text("docs/monitoring.md")
# Metrics that need a running Dagster.
OF_DAGSTER = {
    *("automation_running", "tick_age_seconds", "tick_seconds", "tick_failed"),
    *("sensor_interval_seconds", "queued_runs", "queued_run_age_seconds", "runs_24h"),
    *("unhealthy_daemons", "check_failed"),
}


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


def test_the_page_on_monitoring_lists_every_metric(api: Api) -> None:
    api.get("/api/symbols")
    metrics = set(
        re.findall(r"^# TYPE crypto_assets_(\w+) ", api.get("/metrics").text, re.MULTILINE)
    )
    # A histogram has a second family.
    metrics = {name.removesuffix("_created") for name in metrics}
    table = MONITORING.partition("## Metrics")[2].partition("## ")[0]
    named = {
        name
        for line in table.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([a-z0-9_]+)`", line.split("|")[1])
    }
    assert named - metrics == OF_DAGSTER
    assert metrics - named == set()


def test_the_curl_examples_work(api: Api) -> None:
    paths = re.findall(r"^curl 'http://127.0.0.1:8000(/[^']+)'", PAGE, re.MULTILINE)
    assert len(paths) == 3
    for path in paths:
        assert api.get(path).status_code == 200, path

"""docs/api.md lists every route, docs/monitoring.md every metric, and no others."""

import os
import re
from pathlib import Path

import pytest
from prometheus_client import write_to_textfile

from crypto_assets.process_metrics import collect_figures, get_meter
from crypto_assets.process_metrics.figure_files import name_figure_file
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


def test_the_page_on_monitoring_lists_every_figure_of_a_process(tmp_path: Path) -> None:
    host = tmp_path / "h1"
    host.mkdir()
    write_to_textfile(str(host / name_figure_file("daemon", os.getpid(), 1)), get_meter().registry)
    metrics = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in collect_figures(tmp_path)
    }
    table = MONITORING.partition("### Of every process")[2].partition("## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {f"crypto_assets_{name}" for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == metrics


def test_the_curl_examples_work(api: Api) -> None:
    paths = re.findall(r"^curl 'http://127.0.0.1:8000(/[^']+)'", PAGE, re.MULTILINE)
    assert len(paths) == 3
    for path in paths:
        assert api.get(path).status_code == 200, path

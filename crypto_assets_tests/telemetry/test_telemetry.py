"""Traces of a run and of the API, and reports of errors; without the settings, nothing."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.test_command import started
from crypto_assets_tests.cli.conftest import desk_at
from crypto_assets_tests.services.scripted import Answer, Request, ScriptedServer, scripted
from crypto_assets_tests.telemetry.receivers import (
    Span,
    read_events,
    read_everything,
    read_spans,
)

# Backwards, it is a value that no setting contains.
SECRET = "planted-hush-4711"
_DAGSTER = """
telemetry: {enabled: false}
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""
_SECONDS = 240


def respond(request: Request) -> Answer:
    return Answer(404 if request.method == "HEAD" else 200)


@dataclass(frozen=True)
class Receivers:
    """A collector, a server of Sentry, and what the run sends requests to."""

    collector: ScriptedServer
    sentry: ScriptedServer
    exchange: ScriptedServer
    hook: ScriptedServer

    @property
    def settings(self) -> dict[str, str]:
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.collector.url,
            "SENTRY_DSN": f"{self.sentry.url.replace('//', '//public@')}/1",
        }


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    with (
        scripted(respond) as collector,
        scripted(respond) as sentry,
        scripted(respond) as exchange,
        scripted(respond) as hook,
    ):
        yield Receivers(collector, sentry, exchange, hook)


def run_job(folder: Path, receivers: Receivers, settings: dict[str, str]) -> str:
    """Run the failing job, and return what its process writes to stderr."""
    shutil.copy(Path(__file__).with_name("job_of_test.py"), folder)
    (folder / "dagster.yaml").write_text(_DAGSTER)
    url = f"sqlite:///{folder / 'warehouse.db'}"
    Warehouse(url).migrate_schema()
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(folder),
        "CRYPTO_HOME": str(folder),
        "CRYPTO_EXCHANGE_URL": receivers.exchange.url,
        "CRYPTO_OPERATOR_TOKEN": SECRET,
        "WAREHOUSE": url,
        "HOOK": receivers.hook.url,
        "PLANTED": SECRET,
        **settings,
    }
    command = [sys.executable, "job_of_test.py"]
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_SECONDS
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


@pytest.mark.slow
def test_a_run_is_traced_and_its_errors_are_reported(tmp_path: Path, receivers: Receivers) -> None:
    log = run_job(tmp_path, receivers, receivers.settings)
    spans = read_spans(receivers.collector)
    named = {span.name: span for span in spans}
    run, step = named["run ingest"], named["step load"]
    assert step.parent == run.id and step.is_error
    inner = [span for span in spans if span not in (run, step)]
    assert {span.library for span in inner} == {"botocore", "requests", "sqlalchemy"}
    within = [span for span in inner if span.trace == run.trace]
    assert {span.library for span in within} == {"botocore", "requests", "sqlalchemy"}
    assert {span.parent for span in within} == {step.id}
    for span in [run, *within]:
        fields = {name: value for name, value in span.attributes.items() if "assets." in name}
        assert fields.pop("crypto_assets.run_id") in log
        assert fields == {
            "crypto_assets.process": "run",
            "crypto_assets.job": "ingest",
            "crypto_assets.partition": "2026-01-31|BTCUSDT",
        }
    inserts = [span for span in within if span.name.startswith("INSERT")]
    assert "VALUES (?, ?, 0)" in inserts[0].attributes["db.statement"]
    addresses = {span.attributes["http.url"] for span in within if span.library == "requests"}
    assert addresses == {receivers.hook.url, f"{receivers.exchange.url}/api/v3/klines"}
    assert named["S3.HeadObject"].attributes["rpc.method"] == "HeadObject"

    (failed,) = [
        event
        for event in read_events(receivers.sentry)
        if "STEP_FAILURE" in event["logentry"]["formatted"]
    ]
    assert failed["tags"]["partition"] == "2026-01-31|BTCUSDT"
    assert failed["tags"]["process"] == "run"
    assert "UNIQUE constraint failed" in failed["logentry"]["formatted"]

    for server in (receivers.collector, receivers.sentry):
        assert server.requests
        received = read_everything(server)
        assert SECRET not in received and SECRET[::-1] not in received
    # No trace is continued by others.
    for request in (*receivers.hook.requests, *receivers.exchange.requests):
        assert not {"traceparent", "x-amzn-trace-id"} & {name.lower() for name in request.headers}


@pytest.mark.slow
def test_receivers_that_are_down_do_not_stop_a_run(tmp_path: Path, receivers: Receivers) -> None:
    nowhere = "127.0.0.1:9"
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{nowhere}",
        "SENTRY_DSN": f"http://public@{nowhere}/1",
    }
    assert "STEP_FAILURE" in run_job(tmp_path, receivers, settings)
    assert receivers.exchange.requests


@pytest.mark.slow
def test_requests_to_the_api_are_traced(
    tmp_path: Path, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}").migrate_schema()
    for name, value in {**receivers.settings, "OTEL_BSP_SCHEDULE_DELAY": "100"}.items():
        monkeypatch.setenv(name, value)
    desk = desk_at(tmp_path, receivers.exchange.url, OPERATOR_TOKEN=SECRET)
    with started(desk) as (_, api):
        headers = {
            "Authorization": f"Bearer {SECRET}",
            "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
        }
        assert api.get("/api/symbols", headers=headers).status_code == 200
        assert api.get(f"/api/symbols?token={SECRET}").status_code == 422
        deadline = time.monotonic() + 60
        while not (found := find_request(receivers.collector, "/api/symbols")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    statements = [one for one in read_spans(receivers.collector) if one.library == "sqlalchemy"]
    assert any(one.trace == found[0].trace for one in statements)
    assert found[0].attributes["crypto_assets.process"] == "api"
    assert found[0].parent == b"" and found[0].trace.hex() != "a" * 32
    assert SECRET not in read_everything(receivers.collector)


def find_request(collector: ScriptedServer, path: str) -> list[Span]:
    return [
        one
        for one in read_spans(collector)
        if one.attributes.get("http.route") == path
        and one.attributes.get("http.response.status_code") == 200
    ]


_START = """
import sys
{before}
from crypto_assets.errors import WrongUse
from crypto_assets.telemetry import start_telemetry
try:
    start_telemetry("api")
except WrongUse as error:
    print(error)
else:
    print([one for one in sys.modules if one.startswith({names})])
"""
_NAMES = "('opentelemetry.sdk', 'opentelemetry.instrumentation', 'sentry_sdk')"


def start_process(folder: Path, before: str = "", **settings: str) -> str:
    """Start telemetry in a process of its own, and return what it prints."""
    program = _START.format(before=before, names=_NAMES)
    environment = {**os.environ, "CRYPTO_HOME": str(folder), **settings}
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_without_the_settings_nothing_is_imported(tmp_path: Path) -> None:
    assert start_process(tmp_path) == "[]"


@pytest.mark.parametrize(
    ("variable", "value", "package", "extra"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9", "opentelemetry.exporter", "otel"),
        ("SENTRY_DSN", "http://public@127.0.0.1:9/1", "sentry_sdk", "sentry"),
    ],
)
def test_a_missing_package_is_named(
    tmp_path: Path, variable: str, value: str, package: str, extra: str
) -> None:
    printed = start_process(tmp_path, f"sys.modules['{package}'] = None", **{variable: value})
    assert printed.startswith(f"{variable} is set, but the package ")
    assert printed.endswith(f"pip install 'crypto-assets[{extra}]', or unset it")


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "is not an address"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1", "is not an address"),
        ("SENTRY_DSN", "nonsense", "SENTRY_DSN is no DSN"),
        ("SENTRY_DSN", "https://public@host:99999/1", "SENTRY_DSN is no DSN"),
    ],
)
def test_an_invalid_address_is_wrong_use(
    tmp_path: Path, variable: str, value: str, message: str
) -> None:
    assert message in start_process(tmp_path, **{variable: value})

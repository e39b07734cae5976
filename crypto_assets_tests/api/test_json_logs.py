"""Logs: one JSON object per line, with the request and without secrets."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from crypto_assets.logs import JsonLinesFormatter
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.serving import BEARER, TOKEN, Api, create_context, serve_api
from crypto_assets_tests.warehouse.minutes import track

Record = dict[str, object]


class RecordingHandler(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLinesFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    @property
    def records(self) -> list[Record]:
        return [orjson.loads(line) for line in self.lines]

    def wait_for(self, count: int) -> list[Record]:
        """Wait for the records of `count` requests, which are written after each response."""
        deadline = time.monotonic() + 60
        while True:
            found = [r for r in self.records if r["logger"] == "crypto_assets.api.requests"]
            if len(found) >= count or time.monotonic() > deadline:
                assert len(found) == count
                return found
            time.sleep(0.01)


@pytest.fixture
def recorded() -> Iterator[RecordingHandler]:
    """Record everything that the process logs, in the format of the command."""
    handler, root = RecordingHandler(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    track(warehouse)
    with serve_api(create_context(warehouse, tmp_path)) as served:
        yield served


def test_a_request_is_one_json_object(recorded: RecordingHandler, api: Api) -> None:
    api.get("/api/klines/BTCUSDT", limit=7)
    (record,) = recorded.wait_for(1)
    assert record["message"] == "GET /api/klines/BTCUSDT 200"
    assert (record["method"], record["path"], record["status"]) == (
        "GET",
        "/api/klines/BTCUSDT",
        200,
    )
    assert record["client"] == "127.0.0.1" and record["level"] == "INFO"
    assert isinstance(record["milliseconds"], float) and str(record["time"]).endswith("Z")


def test_no_secret_is_logged(recorded: RecordingHandler, api: Api) -> None:
    api.send("DELETE", "/api/symbols/NOPE")
    api.send("DELETE", "/api/symbols/NOPE", headers={"Authorization": f"Bearer {TOKEN}x"})
    api.get("/api/symbols", headers={**BEARER, "Cookie": f"session={TOKEN}"}, token=TOKEN)
    api.send("POST", "/api/symbols", json={"symbol": TOKEN})
    recorded.wait_for(4)
    assert [line for line in recorded.lines if TOKEN in line] == []


def test_a_path_cannot_forge_a_log_line(recorded: RecordingHandler, api: Api) -> None:
    forged = '%0A{"level":"INFO","message":"forged"}'
    api.get(f"/api/klines/{forged}")
    (record,) = recorded.wait_for(1)
    assert "\n" in str(record["path"])
    assert all("\n" not in line for line in recorded.lines)
    assert all(record["message"] != "forged" for record in recorded.records)


def test_an_unexpected_error_is_a_500_without_details(
    recorded: RecordingHandler, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a secret of the machine")

    monkeypatch.setattr("crypto_assets.reports.reports.measure_storage", fail)
    answer = api.get("/api/pipeline/storage")
    assert answer.status_code == 500
    assert answer.json() == {"detail": "internal error: see the log of the API"}
    recorded.wait_for(1)
    (record,) = [r for r in recorded.records if r["level"] == "ERROR"]
    assert "RuntimeError: a secret of the machine" in str(record["traceback"])
    assert record["message"] == "/api/pipeline/storage failed"

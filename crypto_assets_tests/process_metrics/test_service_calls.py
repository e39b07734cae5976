"""What the meter counts of the warehouse and of the S3 server."""

from pathlib import Path

import pytest
from sqlalchemy import text

from crypto_assets.errors import LakeUnavailable, WarehouseError
from crypto_assets.lake import S3Options, open_lake
from crypto_assets.process_metrics import meter as meter_module
from crypto_assets.process_metrics.meter import ProcessMeter
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.services.scripted import Answer, in_turn, scripted

_STATEMENTS = ("select", "insert", "update", "delete")
_INSERT = "INSERT INTO app_settings (name, value, changed_at) VALUES ('a', '0', 0)"
_KEY = "klines/BTCUSDT/2026-01-01.json"


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> ProcessMeter:
    """A meter of the test's own, for this process."""
    found = ProcessMeter()
    monkeypatch.setattr(meter_module, "_meter", found)
    return found


def read(meter: ProcessMeter, name: str, **labels: str) -> float:
    return meter.registry.get_sample_value(f"crypto_assets_{name}", labels) or 0.0


def test_statements_are_measured_by_what_they_do(meter: ProcessMeter, tmp_path: Path) -> None:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    database = warehouse._database
    before = {name: read(meter, "database_seconds_count", statement=name) for name in _STATEMENTS}
    database.run_write(lambda c: c.exec_driver_sql(_INSERT))
    database.run_read(lambda c: c.execute(text("\n  SELECT 1")).all())
    after = {name: read(meter, "database_seconds_count", statement=name) for name in _STATEMENTS}
    assert {name: after[name] - before[name] for name in _STATEMENTS} == {
        "select": 1,
        "insert": 1,
        "update": 0,
        "delete": 0,
    }
    assert read(meter, "database_seconds_count", statement="other") > 0
    assert 0 < read(meter, "database_seconds_sum", statement="insert") < 60


def test_errors_of_the_warehouse_are_counted_by_class(meter: ProcessMeter, tmp_path: Path) -> None:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    with pytest.raises(WarehouseError) as caught:
        warehouse._database.run_write(lambda c: c.exec_driver_sql("DELETE FROM nothing"))
    error = type(caught.value).__name__
    assert read(meter, "database_errors_total", error=error) == 1
    assert read(meter, "database_retries_total") == 0


def test_a_call_that_is_retried_counts_once_with_its_retries(meter: ProcessMeter) -> None:
    busy = Answer(503, b"<Error><Code>SlowDown</Code></Error>")
    with scripted(in_turn(busy, busy, Answer(404))) as server:
        lake = open_lake("s3://raw", S3Options(server.url, "key", "hush-hush"))
        assert lake.get_info(_KEY) is None
    labels = {"operation": "HeadObject"}
    assert read(meter, "s3_seconds_count", **labels) == 1
    assert read(meter, "s3_retries_total", **labels) == 2
    assert read(meter, "s3_errors_total", **labels, status="404") == 1


def test_a_call_without_a_response_is_an_error(meter: ProcessMeter) -> None:
    with scripted(in_turn(Answer())) as server:
        gone = server.url
    lake = open_lake("s3://raw", S3Options(gone, "key", "hush-hush"))
    with pytest.raises(LakeUnavailable):
        lake.get_info(_KEY)
    labels = {"operation": "HeadObject"}
    assert read(meter, "s3_errors_total", **labels, status="none") == 1
    assert read(meter, "s3_retries_total", **labels) == 6
    assert read(meter, "s3_seconds_count", **labels) == 0

"""What a run uses of the exchange's rate limit is recorded, and served at /metrics."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from crypto_assets.defs import exchange_usage
from crypto_assets.defs.exchange_usage import record_exchange_usage
from crypto_assets.exchange.usage_meter import usage_meter
from crypto_assets.market.exchange_usage import ExchangeUsage
from crypto_assets.orchestrator.run_queue import RUN_CLASS_TAG
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.serving import create_context, serve_api

RUN = dg.DagsterRun(job_name="ingest", tags={RUN_CLASS_TAG: "tick"})
USED = ExchangeUsage(requests=2, weight=7, rate_limits=1, wait_seconds=1.5)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    yield warehouse
    warehouse.close()


def test_what_a_run_has_used_is_recorded_at_its_end(warehouse: Warehouse) -> None:
    usage_meter.add_usage(USED)  # of an earlier run, or of a sensor
    with record_exchange_usage(warehouse, RUN):
        usage_meter.add_usage(USED)
    assert warehouse.exchange_usage.read_totals() == {"tick": USED}
    with record_exchange_usage(warehouse, RUN):
        pass
    assert warehouse.exchange_usage.read_totals() == {"tick": USED}


def test_a_run_that_fails_is_recorded(warehouse: Warehouse) -> None:
    with pytest.raises(ValueError, match="failed"), record_exchange_usage(warehouse, RUN):
        usage_meter.add_usage(USED)
        raise ValueError("failed")
    assert warehouse.exchange_usage.read_totals() == {"tick": USED}


def test_a_long_run_is_recorded_while_it_lasts(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_usage, "_RECORD_SECONDS", 0.01)
    with record_exchange_usage(warehouse, RUN):
        usage_meter.add_usage(USED)
        while not warehouse.exchange_usage.read_totals():
            pass


def test_what_a_sensor_uses_is_not_recorded(warehouse: Warehouse) -> None:
    with record_exchange_usage(warehouse, None):
        usage_meter.add_usage(USED)
    assert warehouse.exchange_usage.read_totals() == {}


def test_a_warehouse_that_fails_fails_no_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with record_exchange_usage(Warehouse(f"sqlite:///{tmp_path / 'empty.db'}"), RUN):
        usage_meter.add_usage(USED)
    assert "is not recorded" in caplog.text
    assert usage_meter.take_usage() == USED


def test_metrics_have_the_totals_and_a_0_for_each_other_class(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.exchange_usage.add_usage("backfill", USED)
    with serve_api(create_context(warehouse, tmp_path)) as api:
        shown = api.get("/metrics").text
    for line in (
        'exchange_requests_total{kind="backfill"} 2.0',
        'exchange_weight_total{kind="backfill"} 7.0',
        'exchange_refusals_total{kind="backfill",status="429"} 1.0',
        'exchange_refusals_total{kind="backfill",status="418"} 0.0',
        'exchange_wait_seconds_total{kind="backfill"} 1.5',
        'exchange_weight_total{kind="tick"} 0.0',
    ):
        assert f"crypto_assets_{line}\n" in shown

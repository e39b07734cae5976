"""A failed run fails only the partitions that it names, and changes no recorded event.

Most of these tests fail if Dagster changes how it plans a run or shows a failed partition: then see
`crypto_assets/dagster_ext/planned_events.py` and `crypto_assets/defs/run_partitions.py`.
"""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
import yaml
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.storage.event_log import SqlEventLogStorage

from crypto_assets.dagster_ext.executor import owner_stamping_executor
from crypto_assets.dagster_ext.run_liveness import fail_abandoned_runs
from crypto_assets.defs.assets.klines import klines_assets
from crypto_assets.defs.assets.order_books import order_book_assets
from crypto_assets.defs.gap_repair import load_orphaned_objects_job
from crypto_assets.defs.ingest import (
    ingest_job,
    ingest_schedule,
    order_books_job,
    order_books_schedule,
)
from crypto_assets.defs.partitions import register_symbol_partitions
from crypto_assets.defs.run_partitions import PartitionRectangle
from crypto_assets.market.utc_time import MINUTE_MS, from_epoch_ms
from crypto_assets.orchestrator.partition_keys import DAYS_TAG, SYMBOLS_TAG
from crypto_assets.orchestrator.run_queue import INGEST_MODE_TAG
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage
from crypto_assets.settings import load_settings
from crypto_assets_tests.dagster_ext.event_log import (
    list_failed_keys,
    list_materialized_keys,
    list_planned_keys,
    require_appends_only,
)
from crypto_assets_tests.defs.partition_ranges import build_range_tags
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform
from crypto_assets_tests.project.repository import text
from crypto_assets_tests.proofs.rivals import Place
from crypto_assets_tests.services.dagster_home import new_instance
from crypto_assets_tests.services.dagster_tree import wait_for
from crypto_assets_tests.services.exchange import ExchangeServer
from crypto_assets_tests.services.mariadb import DatabaseServer, create_dagster_database

_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
_TWENTY = (
    *("ADAUSDT", "ATOMUSDT", "AVAXUSDT", "BCHUSDT", "BNBUSDT", "BTCUSDT", "DOGEUSDT"),
    *("DOTUSDT", "ETCUSDT", "ETHUSDT", "LINKUSDT", "LTCUSDT", "NEARUSDT", "PEPEUSDT"),
    *("SHIBUSDT", "SOLUSDT", "TRXUSDT", "UNIUSDT", "XLMUSDT", "XRPUSDT"),
)
_QUEUE = {"module": "crypto_assets.dagster_ext.run_coordinator", "class": "RunClassCoordinator"}
_FAILED_KEY = f"{TODAY}|ETHUSDT"
_YESTERDAY_AND_TODAY = build_range_tags("2025-03-05|SOLUSDT", "2025-03-06|BTCUSDT")


@pytest.fixture
def platform(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    platform: PipelineContext = build_platform(server, *_SYMBOLS)
    return platform


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "dagster"
    home.mkdir()
    return home


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with new_instance(home, {"run_coordinator": _QUEUE}) as instance:
        # In another order than that of the warehouse, as after a symbol is tracked again.
        register_symbol_partitions(instance, _SYMBOLS[::-1])
        yield instance


@pytest.fixture
def mysql_instance(
    mariadb: DatabaseServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """An instance with the storage and the queue of the one-machine size."""
    settings = yaml.safe_load(text("deploy/dagster.yaml"))
    config = {
        "storage": settings["storage"],
        "run_coordinator": _QUEUE,
        "telemetry": {"enabled": False},
    }
    (home / "dagster.yaml").write_text(yaml.dump(config))
    with create_dagster_database(mariadb) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("crypto_assets.dagster_ext.storage.get_settings", load_settings)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance


def build_job(
    platform: PipelineContext, name: str, assets: frozenset[dg.AssetKey] | None = None
) -> dg.JobDefinition:
    """Build a job, or only some of its assets without their checks, as a schedule requests it."""
    defs = dg.Definitions(
        assets=[klines_assets, order_book_assets],
        jobs=[ingest_job, order_books_job, load_orphaned_objects_job],
        resources={"platform": platform},
        executor=owner_stamping_executor,
    )
    job = defs.resolve_job_def(name)
    if assets is None:
        return job
    return job.get_subset(asset_selection=assets, asset_check_selection=frozenset())


def queue(
    instance: dg.DagsterInstance,
    job: dg.JobDefinition,
    tags: Mapping[str, str],
    run_config: Mapping[str, Any] | None = None,
) -> dg.DagsterRun:
    """Create a run and queue it, in the status in which its process starts."""
    run = instance.create_run_for_job(
        job,
        tags={**job.tags, **tags},
        run_config=run_config,
        status=dg.DagsterRunStatus.STARTING,
    )
    instance.run_coordinator.submit_run(dg.SubmitRunContext(run, workspace=None))  # type: ignore[arg-type]
    for stage in (*KlinesStage, *OrderBookStage):
        list_failed_keys(instance, stage)  # Dagster caches partitions in progress when it reads
    return run


def request_tick(
    instance: dg.DagsterInstance,
    platform: PipelineContext,
    schedule: dg.ScheduleDefinition = ingest_schedule,
) -> tuple[dg.JobDefinition, dg.RunRequest]:
    """The run that a schedule requests now, and its job with the requested assets."""
    at = from_epoch_ms(platform.exchange_now())
    with dg.build_schedule_context(
        instance, scheduled_execution_time=at, resources={"platform": platform}
    ) as context:
        (request,) = schedule.evaluate_tick(context).run_requests or ()
    assets = frozenset(request.asset_selection) if request.asset_selection else None
    return build_job(platform, schedule.job_name, assets), request


def tick(
    instance: dg.DagsterInstance,
    platform: PipelineContext,
    schedule: dg.ScheduleDefinition = ingest_schedule,
) -> tuple[str, bool]:
    """Execute the run that a schedule requests; return its id and whether it succeeded."""
    job, request = request_tick(instance, platform, schedule)
    run = queue(instance, job, request.tags, request.run_config)
    return run.run_id, execute(instance, job, run)


def execute(instance: dg.DagsterInstance, job: dg.JobDefinition, run: dg.DagsterRun) -> bool:
    return execute_run(InMemoryJob(job), run, instance, raise_on_error=False).success


def list_red(instance: dg.DagsterInstance) -> dict[str, set[str]]:
    """The assets of candles with failed partitions."""
    red = {stage.value: list_failed_keys(instance, stage) for stage in KlinesStage}
    return {asset: keys for asset, keys in red.items() if keys}


@pytest.mark.parametrize("storage", ["instance", "mysql_instance"])
def test_of_twenty_symbols_one_fails_and_nineteen_stay_green(
    storage: str,
    server: ExchangeServer,
    build_platform: BuildPlatform,
    request: pytest.FixtureRequest,
) -> None:
    instance: dg.DagsterInstance = request.getfixturevalue(storage)
    platform = build_platform(server, *_TWENTY)
    register_symbol_partitions(instance, _TWENTY)
    assert tick(instance, platform)[1]
    server.clock.advance(MINUTE_MS)
    server.faults.add_rule({"do": "status", "status": 451, "symbol": "ETHUSDT"})
    with require_appends_only(instance):
        run_id, success = tick(instance, platform)
    assert not success
    assert list_red(instance) == {"raw_klines": {_FAILED_KEY}}
    others = [f"{TODAY}|{symbol}" for symbol in _TWENTY if symbol != "ETHUSDT"]
    for asset in ("raw_klines", "fact_klines"):
        assert list_materialized_keys(instance, run_id, asset) == others
        assert instance.get_materialized_partitions(dg.AssetKey(asset)) == {*others, _FAILED_KEY}
    server.faults.clear_rules()
    server.clock.advance(MINUTE_MS)
    assert tick(instance, platform)[1]
    assert list_red(instance) == {}


def test_a_tick_plans_each_asset_once_and_says_what_it_is_about(
    instance: dg.DagsterInstance, server: ExchangeServer, build_platform: BuildPlatform
) -> None:
    """A planned partition costs as much as a materialization, and turns red if the run fails."""
    platform = build_platform(server, *_TWENTY)
    register_symbol_partitions(instance, _TWENTY)
    run_id, success = tick(instance, platform)
    assert success
    assert list_planned_keys(instance, run_id) == [("fact_klines", None), ("raw_klines", None)], (
        "Dagster plans partitions of a run without partition tags"
    )
    run = instance.get_run_by_id(run_id)
    assert run
    assert run.tags[DAYS_TAG] == str(TODAY)
    assert run.tags[SYMBOLS_TAG].startswith("20 symbols (ADAUSDT, ATOMUSDT, ")
    visible = [value for key, value in run.tags.items() if not key.startswith(".")]
    assert max(map(len, visible)) < 200
    # Two for each symbol, two planned ones, and nine of the run and its step.
    assert len(instance.get_records_for_run(run_id).records) <= 2 * len(_TWENTY) + 2 + 10


def test_a_tick_of_order_books_that_fails_for_one_symbol(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    server.faults.add_rule({"do": "status", "status": 451, "symbol": "ETHUSDT"})
    with require_appends_only(instance):
        run_id, success = tick(instance, platform, order_books_schedule)
    assert not success
    for stage in OrderBookStage:
        assert list_failed_keys(instance, stage) == {_FAILED_KEY}
        assert list_materialized_keys(instance, run_id, stage) == [
            f"{TODAY}|BTCUSDT",
            f"{TODAY}|SOLUSDT",
        ]


def test_loading_orphaned_objects_that_are_missing_fails_their_days_only(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    """A run without a tag of an ingest mode."""
    job = build_job(platform, load_orphaned_objects_job.name)
    rectangle = PartitionRectangle(("2025-03-04", "2025-03-05"), ("BTCUSDT",))
    run = queue(
        instance, job, rectangle.description_tags, rectangle.build_run_config("bring_klines")
    )
    assert not execute(instance, job, run)
    keys = set(rectangle.partition_keys)
    assert list_red(instance) == dict.fromkeys(
        ("fact_klines", "hourly_klines", "daily_klines"), keys
    )


def _execute_in_child(
    home: Path, place: Place, run_id: str, assets: frozenset[dg.AssetKey]
) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        run = instance.get_run_by_id(run_id)
        assert run
        job = build_job(place.platform(), run.job_name, assets)
        execute(instance, job, run)


def _has_ended(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is not None and run.is_finished


@pytest.mark.parametrize("ending", ["killed", "canceled"])
def test_a_tick_that_is_killed_or_canceled_halfway_fails_no_partition(
    ending: str,
    instance: dg.DagsterInstance,
    home: Path,
    tmp_path: Path,
    server: ExchangeServer,
    build_platform: BuildPlatform,
) -> None:
    platform = build_platform(server, *_SYMBOLS)
    assert tick(instance, platform)[1]
    server.clock.advance(MINUTE_MS)
    # Not exchangeInfo: the first symbol of a process requests it, and the others wait for it.
    server.faults.add_rule(
        {"do": "stall", "seconds": 600, "symbol": "ETHUSDT", "path": "/api/v3/klines"}
    )
    job, request = request_tick(instance, platform)
    run = queue(instance, job, request.tags, request.run_config)
    (stores,) = tmp_path.glob("home-*")
    place = Place(server.url, stores, f"sqlite:///{stores / 'warehouse.db'}")
    child = multiprocessing.get_context("spawn").Process(
        target=_execute_in_child,
        args=(home, place, run.run_id, frozenset(request.asset_selection or ())),
    )
    others = [f"{TODAY}|BTCUSDT", f"{TODAY}|SOLUSDT"]
    with require_appends_only(instance):
        child.start()
        wait_for(
            lambda: (
                not child.is_alive()
                or list_materialized_keys(instance, run.run_id, "fact_klines") == others
            )
        )
        assert child.is_alive()
        assert list_red(instance) == {}
        if ending == "killed":
            child.kill()
            child.join()
            assert fail_abandoned_runs(instance) == [run.run_id]
        else:
            instance.report_run_canceling(run)
            assert child.pid
            os.kill(child.pid, signal.SIGINT)
            # Less than one timeout of the request.
            wait_for(lambda: _has_ended(instance, run.run_id), 15)
            child.kill()
            child.join()
    ended = instance.get_run_by_id(run.run_id)
    assert ended
    assert ended.status.value == {"killed": "FAILURE", "canceled": "CANCELED"}[ending]
    assert list_red(instance) == {}
    server.faults.clear_rules()
    # Dagster retries a killed run with its tags and run config.
    again = queue(instance, job, ended.tags, ended.run_config)
    assert execute(instance, job, again)
    assert list_materialized_keys(instance, again.run_id, "fact_klines") == [_FAILED_KEY]


@pytest.mark.parametrize("fails", [False, True])
def test_a_tick_that_the_earlier_version_queued(
    fails: bool, instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    """It has Dagster's tags of a range, the tag of its mode, and planned events without keys."""
    if fails:
        server.faults.add_rule({"do": "status", "status": 451, "symbol": "ETHUSDT"})
    job = build_job(platform, ingest_job.name)
    run = queue(instance, job, _YESTERDAY_AND_TODAY)
    assert run.tags[INGEST_MODE_TAG] == "tail"
    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    with storage.index_connection() as connection:
        connection.execute(
            sa.text("UPDATE event_logs SET partition = NULL WHERE run_id = :run"),
            {"run": run.run_id},
        )
    assert execute(instance, job, run) is not fails
    expected = [
        f"2025-03-0{day}|{symbol}"
        for day in (5, 6)
        for symbol in _SYMBOLS
        if not fails or symbol != "ETHUSDT"
    ]
    assert list_materialized_keys(instance, run.run_id, "fact_klines") == expected
    assert list_red(instance) == ({"raw_klines": {_FAILED_KEY}} if fails else {})


def test_a_range_that_a_user_launches_turns_its_failed_keys_red(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    server.faults.add_rule({"do": "status", "status": 451, "symbol": "ETHUSDT"})
    server.faults.add_rule({"do": "archive", "how": "missing", "symbol": "ETHUSDT"})
    job = dg.Definitions(
        assets=[klines_assets],
        resources={"platform": platform},
        executor=owner_stamping_executor,
    ).resolve_implicit_global_asset_job_def()
    run = queue(instance, job, _YESTERDAY_AND_TODAY)
    with require_appends_only(instance):
        assert not execute(instance, job, run)
    failed = {f"2025-03-0{day}|ETHUSDT" for day in (5, 6)}
    assert list_red(instance) == dict.fromkeys(KlinesStage, failed)
    assert len(list_materialized_keys(instance, run.run_id, "raw_klines")) == 4

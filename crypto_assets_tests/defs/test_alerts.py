"""Failed runs and silent symbols are told once, with what a person needs to look into them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import orjson
import pytest
from dagster._core.execution.plan.objects import StepFailureData, UserFailureData

from crypto_assets.defs.alerts import run_failures_sensor, stale_symbols_sensor
from crypto_assets.defs.assets.klines import klines_assets
from crypto_assets.defs.partitions import range_tags, register_symbol_partitions
from crypto_assets.market.utc_time import MINUTE_MS, now_ms
from crypto_assets.pipeline.alerting.webhook import Webhook
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets_tests.pipeline.conftest import BuildPlatform, run_ingest
from crypto_assets_tests.services.exchange import NOON, StartExchange
from crypto_assets_tests.services.scripted import Answer, ScriptedServer, in_turn, scripted


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> PipelineContext:
    platform: PipelineContext = build_platform(simulated_exchange(now=NOON))
    return platform


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        register_symbol_partitions(instance, ["BTCUSDT", "NOSUCH"])
        yield instance


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted(in_turn(Answer())) as server:
        yield server


def fail(instance: dg.DagsterInstance, platform: PipelineContext, day: str) -> str:
    """A run whose symbol BTCUSDT is good and NOSUCH is bad; its id."""
    result = dg.materialize(
        [klines_assets],
        instance=instance,
        resources={"platform": platform},
        tags=range_tags(f"{day}|BTCUSDT", f"{day}|NOSUCH"),
        raise_on_error=False,
    )
    assert not result.success
    return result.run_id


def look(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None, **resources: Any
) -> Any:
    with dg.build_sensor_context(instance, cursor, resources=resources) as context:
        return sensor(context)


def sent(server: ScriptedServer) -> list[dict[str, str]]:
    """Fields and link of every alert that arrived."""
    alerts = [a for r in server.requests for a in orjson.loads(r.body)["attachments"]]
    return [
        {**{one["title"]: one["value"] for one in alert["fields"]}, "link": alert["title_link"]}
        for alert in alerts
    ]


def test_a_failure_is_told_once_with_symbol_partition_error_and_link(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ScriptedServer
) -> None:
    webhook = Webhook(server.url)
    fail(instance, platform, "2025-03-03")
    cursor = look(run_failures_sensor, instance, None, webhook=webhook).cursor
    assert server.requests == [], "what failed before anybody listened"
    run_id = fail(instance, platform, "2025-03-04")
    cursor = look(run_failures_sensor, instance, cursor, webhook=webhook).cursor
    (told,) = sent(server)
    assert told["symbol"] == "NOSUCH"
    assert told["partition"] == "2025-03-04|NOSUCH"
    assert "NOSUCH" in told["error"]
    assert told["link"].endswith(f"/runs/{run_id}")
    fail(instance, platform, "2025-03-05")
    cursor = look(run_failures_sensor, instance, cursor, webhook=webhook).cursor
    look(run_failures_sensor, instance, cursor, webhook=webhook)
    assert len(server.requests) == 1, "the same failure at another day"


def test_what_could_not_be_sent_is_sent_later(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ScriptedServer
) -> None:
    cursor = look(run_failures_sensor, instance, None, webhook=Webhook(server.url)).cursor
    fail(instance, platform, "2025-03-04")
    server.respond = in_turn(Answer(503), Answer())
    skipped = look(run_failures_sensor, instance, cursor, webhook=Webhook(server.url))
    assert isinstance(skipped, dg.SkipReason)
    look(run_failures_sensor, instance, cursor, webhook=Webhook(server.url))
    assert len(server.requests) == 2


def test_a_run_that_is_tried_again_is_no_news(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ScriptedServer
) -> None:
    cursor = look(run_failures_sensor, instance, None, webhook=Webhook(server.url)).cursor
    instance.add_run_tags(fail(instance, platform, "2025-03-04"), {"dagster/will_retry": "true"})
    look(run_failures_sensor, instance, cursor, webhook=Webhook(server.url))
    assert server.requests == []


@pytest.mark.parametrize(
    ("noted", "minutes", "told"),
    [(None, 1, 0), ("true", 1, 0), ("false", 1, 1), (None, 3, 1)],
    ids=["not yet", "tried again", "failed for good", "never, for its daemon is down"],
)
def test_a_failure_waits_until_dagster_has_said_whether_it_tries_again(
    tmp_path: Path,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    noted: str | None,
    minutes: int,
    told: int,
) -> None:
    @dg.job
    def ingest() -> None: ...

    overrides = {"run_retries": {"enabled": True}}
    with dg.instance_for_test(temp_dir=str(tmp_path), overrides=overrides) as instance:
        cursor = look(run_failures_sensor, instance, None, webhook=Webhook(server.url)).cursor
        run = instance.create_run_for_job(ingest)
        # The first of the two transactions in which Dagster reports a failure.
        with monkeypatch.context() as before_the_second:
            before_the_second.setattr(instance, "add_run_tags", lambda *_: None)
            instance.report_run_failed(run)
        cursor = look(run_failures_sensor, instance, cursor, webhook=Webhook(server.url)).cursor
        assert server.requests == []
        if noted:
            instance.add_run_tags(run.run_id, {"dagster/will_retry": noted})
        later = now_ms() + minutes * MINUTE_MS
        monkeypatch.setattr("crypto_assets.defs.alerts.now_ms", lambda: later)
        look(run_failures_sensor, instance, cursor, webhook=Webhook(server.url))
        assert len(server.requests) == told


def test_a_run_that_died_without_a_word_is_told_too(
    instance: dg.DagsterInstance, server: ScriptedServer
) -> None:
    cursor = look(run_failures_sensor, instance, None, webhook=Webhook(server.url)).cursor

    @dg.job
    def ingest() -> None: ...

    run = instance.create_run_for_job(ingest, tags={"dagster/partition": "2025-03-04|BTCUSDT"})
    instance.report_run_failed(run, "its process is gone")
    look(run_failures_sensor, instance, cursor, webhook=Webhook(server.url))
    (told,) = sent(server)
    assert (told["symbol"], told["partition"]) == ("BTCUSDT", "2025-03-04|BTCUSDT")
    assert told["error"] == "its process is gone"


def test_a_failed_check_is_told_by_its_name(
    instance: dg.DagsterInstance, server: ScriptedServer
) -> None:
    cursor = look(run_failures_sensor, instance, None, webhook=Webhook(server.url)).cursor

    @dg.op
    def judge() -> None:
        failed = ["2025-03-04|BTCUSDT complete_or_explained: 3 minutes are missing"]
        raise dg.Failure("1 checks failed", metadata={"failed": failed}, allow_retries=False)

    @dg.job
    def close_day() -> None:
        judge()

    close_day.execute_in_process(instance=instance, raise_on_error=False)
    look(run_failures_sensor, instance, cursor, webhook=Webhook(server.url))
    (told,) = sent(server)
    assert (told["symbol"], told["partition"]) == ("BTCUSDT", "2025-03-04|BTCUSDT")
    assert told["error"] == "complete_or_explained: 3 minutes are missing"


def test_a_symbol_must_be_silent_for_a_while(
    instance: dg.DagsterInstance,
    platform: PipelineContext,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_ingest(platform)
    platform.warehouse._database.run_write(
        lambda c: c.exec_driver_sql(
            "UPDATE extraction_metadata SET last_open_time = 1, last_fetch_time = 1"
        )
    )
    cursor = None
    for minute in range(10):
        at = NOON + minute * MINUTE_MS
        monkeypatch.setattr("crypto_assets.defs.alerts.now_ms", lambda at=at: at)
        result = look(
            stale_symbols_sensor,
            instance,
            cursor,
            platform=platform,
            webhook=Webhook(server.url),
        )
        cursor = result.cursor
        assert len(server.requests) == (1 if minute >= 3 else 0)
    (told,) = sent(server)
    assert told["symbol"] == "BTCUSDT"
    run_ingest(platform, tail=True)
    platform.warehouse._database.run_write(
        lambda c: c.exec_driver_sql(f"UPDATE extraction_metadata SET last_open_time = {NOON}")
    )
    result = look(
        stale_symbols_sensor, instance, cursor, platform=platform, webhook=Webhook(server.url)
    )
    assert orjson.loads(result.cursor)["seen"] == {}


def test_twenty_symbols_failing_every_minute_are_few_messages(
    instance: dg.DagsterInstance, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message at once, then after one hour, two and four: not twelve hundred in an hour."""

    @dg.job
    def ingest() -> None: ...

    cursor = look(run_failures_sensor, instance, None, webhook=Webhook(server.url)).cursor
    for minute in range(0, 8 * 60, 20):
        at = NOON + minute * MINUTE_MS
        monkeypatch.setattr("crypto_assets.defs.alerts.now_ms", lambda at=at: at)
        run = instance.create_run_for_job(ingest)
        _fail_with(instance, run, [f"fact_klines 2025-03-04|S{n}USDT: no." for n in range(20)])
        cursor = look(run_failures_sensor, instance, cursor, webhook=Webhook(server.url)).cursor
    assert len(server.requests) == 4
    first = orjson.loads(server.requests[0].body)
    assert first["text"] == "crypto-assets: 20 alerts (10 not shown)"
    assert len(first["attachments"]) == 10


def _fail_with(instance: dg.DagsterInstance, run: dg.DagsterRun, failed: list[str]) -> None:
    """As a step ends that names its bad keys."""
    said = UserFailureData(
        "failed", "20 partitions failed", {"failed": dg.MetadataValue.json(failed)}
    )
    event = dg.DagsterEvent(
        dg.DagsterEventType.STEP_FAILURE.value,
        run.job_name,
        event_specific_data=StepFailureData(error=None, user_failure_data=said),
    )
    instance.report_dagster_event(event, run_id=run.run_id)
    instance.report_run_failed(run)

"""Alerts about failed runs and stale symbols are sent once, with the details to investigate."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import orjson
import pytest
from dagster._core.execution.plan.objects import StepFailureData, UserFailureData
from pydantic import SecretStr

from crypto_assets.defs import alerts
from crypto_assets.defs.alerts import run_failures_sensor, stale_symbols_sensor
from crypto_assets.defs.assets.klines import klines_assets
from crypto_assets.defs.partitions import register_symbol_partitions
from crypto_assets.exchange import open_exchange
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, now_ms
from crypto_assets.orchestrator.partition_keys import build_partition_tags
from crypto_assets.pipeline.alerting.webhook import Webhook
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.settings import get_settings
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.defs.partition_ranges import build_range_tags
from crypto_assets_tests.pipeline.conftest import HASTY, BuildPlatform, run_ingest
from crypto_assets_tests.services.dagster_home import new_instance
from crypto_assets_tests.services.exchange import NOON, StartExchange
from crypto_assets_tests.services.scripted import Answer, ScriptedServer, in_turn, scripted


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> PipelineContext:
    platform: PipelineContext = build_platform(simulated_exchange(now=NOON))
    return platform


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with new_instance(tmp_path) as instance:
        register_symbol_partitions(instance, ["BTCUSDT", "NOSUCH"])
        yield instance


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted(in_turn(Answer())) as server:
        yield server


def fail(instance: dg.DagsterInstance, platform: PipelineContext, day: str) -> str:
    """Run a day in which BTCUSDT succeeds and NOSUCH fails, and return the run's id."""
    result = dg.materialize(
        [klines_assets],
        instance=instance,
        resources={"platform": platform},
        tags=build_range_tags(f"{day}|BTCUSDT", f"{day}|NOSUCH"),
        raise_on_error=False,
    )
    assert not result.success
    return result.run_id


def evaluate_sensor(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None, **resources: Any
) -> Any:
    with dg.build_sensor_context(instance, cursor, resources=resources) as context:
        return sensor.evaluate_tick(context)


def sent(server: ScriptedServer) -> list[dict[str, str]]:
    """The fields and the link of every received alert."""
    return [
        {**{one["title"]: one["value"] for one in alert["fields"]}, "link": alert["title_link"]}
        for alert in _list_attachments(server)
    ]


def test_an_alert_has_symbol_partition_error_and_link_and_is_sent_once(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ScriptedServer
) -> None:
    webhook = Webhook(server.url)
    fail(instance, platform, "2025-03-03")
    cursor = evaluate_sensor(run_failures_sensor, instance, None, webhook=webhook).cursor
    assert server.requests == [], "a failure before the first evaluation"
    run_id = fail(instance, platform, "2025-03-04")
    cursor = evaluate_sensor(run_failures_sensor, instance, cursor, webhook=webhook).cursor
    (alert,) = sent(server)
    assert alert["symbol"] == "NOSUCH"
    assert alert["partition"] == "2025-03-04|NOSUCH"
    assert "NOSUCH" in alert["error"]
    assert alert["link"].endswith(f"/runs/{run_id}")
    fail(instance, platform, "2025-03-05")
    cursor = evaluate_sensor(run_failures_sensor, instance, cursor, webhook=webhook).cursor
    evaluate_sensor(run_failures_sensor, instance, cursor, webhook=webhook)
    assert len(server.requests) == 1, "the same failure on another day"


def test_an_alert_that_could_not_be_sent_is_retried(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ScriptedServer
) -> None:
    cursor = evaluate_sensor(
        run_failures_sensor, instance, None, webhook=Webhook(server.url)
    ).cursor
    fail(instance, platform, "2025-03-04")
    server.respond = in_turn(Answer(503), Answer())
    webhook = Webhook(server.url)
    failed = evaluate_sensor(run_failures_sensor, instance, cursor, webhook=webhook)
    assert "503" in failed.skip_message
    again = evaluate_sensor(run_failures_sensor, instance, failed.cursor, webhook=webhook)
    assert len(server.requests) == 2
    assert server.requests[0].body == server.requests[1].body
    evaluate_sensor(run_failures_sensor, instance, again.cursor, webhook=webhook)
    assert len(server.requests) == 2


def test_each_target_gets_an_alert_once_though_another_refuses_it(
    instance: dg.DagsterInstance,
    platform: PipelineContext,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    webhook = Webhook(server.url)
    cursor = evaluate_sensor(run_failures_sensor, instance, None, webhook=webhook).cursor
    with scripted(in_turn(Answer(503), Answer(503), Answer())) as refusing:
        host = refusing.url.removeprefix("http://")
        settings = get_settings().model_copy(update={"alert_urls": SecretStr(f"json://{host}")})
        monkeypatch.setattr(alerts, "get_settings", lambda: settings)
        fail(instance, platform, "2025-03-04")
        messages = []
        for _ in range(4):
            result = evaluate_sensor(run_failures_sensor, instance, cursor, webhook=webhook)
            cursor = result.cursor
            messages.append(result.skip_message)
        assert len(server.requests) == 1
        assert len(refusing.requests) == 3
    (attachment,) = _list_attachments(server)
    assert orjson.loads(refusing.requests[-1].body)["title"] == attachment["title"]
    assert ["does not accept it" in message for message in messages] == [True, True, False, False]


def test_attempts_end_after_a_day(
    instance: dg.DagsterInstance,
    platform: PipelineContext,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    webhook = Webhook(server.url)
    cursor = evaluate_sensor(run_failures_sensor, instance, None, webhook=webhook).cursor
    server.respond = in_turn(Answer(503))
    fail(instance, platform, "2025-03-04")
    for days in (0, 1, 1):
        later = now_ms() + days * DAY_MS
        monkeypatch.setattr(alerts, "now_ms", lambda later=later: later)
        cursor = evaluate_sensor(run_failures_sensor, instance, cursor, webhook=webhook).cursor
    assert len(server.requests) == 1
    assert orjson.loads(cursor)["unsent"] == []


def test_no_alert_for_a_run_that_is_retried(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ScriptedServer
) -> None:
    cursor = evaluate_sensor(
        run_failures_sensor, instance, None, webhook=Webhook(server.url)
    ).cursor
    instance.add_run_tags(fail(instance, platform, "2025-03-04"), {"dagster/will_retry": "true"})
    evaluate_sensor(run_failures_sensor, instance, cursor, webhook=Webhook(server.url))
    assert server.requests == []


@pytest.mark.parametrize(
    ("will_retry", "minutes", "sent_count"),
    [(None, 1, 0), ("true", 1, 0), ("false", 1, 1), (None, 3, 1)],
    ids=["undecided", "retried", "not retried", "undecided after the timeout"],
)
def test_an_alert_waits_for_dagsters_decision_to_retry(
    tmp_path: Path,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    will_retry: str | None,
    minutes: int,
    sent_count: int,
) -> None:
    @dg.job
    def ingest() -> None: ...

    overrides = {"run_retries": {"enabled": True}}
    with new_instance(tmp_path, overrides) as instance:
        cursor = evaluate_sensor(
            run_failures_sensor, instance, None, webhook=Webhook(server.url)
        ).cursor
        run = instance.create_run_for_job(ingest)
        # Only the first of the two transactions in which Dagster reports a failure.
        with monkeypatch.context() as before_the_second:
            before_the_second.setattr(instance, "add_run_tags", lambda *_: None)
            instance.report_run_failed(run)
        cursor = evaluate_sensor(
            run_failures_sensor, instance, cursor, webhook=Webhook(server.url)
        ).cursor
        assert server.requests == []
        if will_retry:
            instance.add_run_tags(run.run_id, {"dagster/will_retry": will_retry})
        later = now_ms() + minutes * MINUTE_MS
        monkeypatch.setattr("crypto_assets.defs.alerts.now_ms", lambda: later)
        evaluate_sensor(run_failures_sensor, instance, cursor, webhook=Webhook(server.url))
        assert len(server.requests) == sent_count


@pytest.mark.parametrize(
    ("tags", "symbol", "partition"),
    [
        ({"dagster/partition": "2025-03-04|BTCUSDT"}, "BTCUSDT", "2025-03-04|BTCUSDT"),
        (build_partition_tags(["2025-03-04"], ["BTCUSDT"]), "BTCUSDT", "2025-03-04|BTCUSDT"),
        (
            build_partition_tags(["2025-03-04", "2025-03-05"], ["BTCUSDT", "ETHUSDT"]),
            "",
            "2025-03-04 to 2025-03-05|BTCUSDT, ETHUSDT",
        ),
    ],
)
def test_an_alert_for_a_run_without_step_failure(
    instance: dg.DagsterInstance,
    server: ScriptedServer,
    tags: dict[str, str],
    symbol: str,
    partition: str,
) -> None:
    cursor = evaluate_sensor(
        run_failures_sensor, instance, None, webhook=Webhook(server.url)
    ).cursor

    @dg.job
    def ingest() -> None: ...

    run = instance.create_run_for_job(ingest, tags=tags)
    instance.report_run_failed(run, "its process is gone")
    evaluate_sensor(run_failures_sensor, instance, cursor, webhook=Webhook(server.url))
    (alert,) = sent(server)
    assert (alert.get("symbol", ""), alert["partition"]) == (symbol, partition)
    assert alert["error"] == "its process is gone"


def test_the_alert_of_a_failed_check_names_the_check(
    instance: dg.DagsterInstance, server: ScriptedServer
) -> None:
    cursor = evaluate_sensor(
        run_failures_sensor, instance, None, webhook=Webhook(server.url)
    ).cursor

    @dg.op
    def evaluate() -> None:
        failed = ["2025-03-04|BTCUSDT complete_or_explained: 3 minutes are missing"]
        raise dg.Failure("1 checks failed", metadata={"failed": failed}, allow_retries=False)

    @dg.job
    def close_day() -> None:
        evaluate()

    close_day.execute_in_process(instance=instance, raise_on_error=False)
    evaluate_sensor(run_failures_sensor, instance, cursor, webhook=Webhook(server.url))
    (alert,) = sent(server)
    assert (alert["symbol"], alert["partition"]) == ("BTCUSDT", "2025-03-04|BTCUSDT")
    assert alert["error"] == "complete_or_explained: 3 minutes are missing"


def test_a_symbol_is_reported_after_three_stale_minutes(
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
        result = evaluate_sensor(
            stale_symbols_sensor,
            instance,
            cursor,
            platform=platform,
            webhook=Webhook(server.url),
        )
        cursor = result.cursor
        assert len(server.requests) == (1 if minute >= 3 else 0)
    (alert,) = sent(server)
    assert alert["symbol"] == "BTCUSDT"
    run_ingest(platform, tail=True)
    platform.warehouse._database.run_write(
        lambda c: c.exec_driver_sql(f"UPDATE extraction_metadata SET last_open_time = {NOON}")
    )
    result = evaluate_sensor(
        stale_symbols_sensor, instance, cursor, platform=platform, webhook=Webhook(server.url)
    )
    assert orjson.loads(result.cursor)["seen"] == {}


def test_repeated_failures_of_twenty_symbols_send_few_messages(
    instance: dg.DagsterInstance, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message at once, and then after one, two and four hours."""

    @dg.job
    def ingest() -> None: ...

    cursor = evaluate_sensor(
        run_failures_sensor, instance, None, webhook=Webhook(server.url)
    ).cursor
    for minute in range(0, 8 * 60, 20):
        at = NOON + minute * MINUTE_MS
        monkeypatch.setattr("crypto_assets.defs.alerts.now_ms", lambda at=at: at)
        run = instance.create_run_for_job(ingest)
        _fail_with(instance, run, [f"fact_klines 2025-03-04|S{n}USDT: no." for n in range(20)])
        cursor = evaluate_sensor(
            run_failures_sensor, instance, cursor, webhook=Webhook(server.url)
        ).cursor
    assert len(server.requests) == 4
    first = orjson.loads(server.requests[0].body)
    assert first["text"] == "crypto-assets: 20 alerts (10 not shown)"
    assert len(first["attachments"]) == 10


def _fail_with(instance: dg.DagsterInstance, run: dg.DagsterRun, failed: list[str]) -> None:
    """Report the failure of a step with its failed keys."""
    failure = UserFailureData(
        "failed", "20 partitions failed", {"failed": dg.MetadataValue.json(failed)}
    )
    event = dg.DagsterEvent(
        dg.DagsterEventType.STEP_FAILURE.value,
        run.job_name,
        event_specific_data=StepFailureData(error=None, user_failure_data=failure),
    )
    instance.report_dagster_event(event, run_id=run.run_id)
    instance.report_run_failed(run)


def test_an_outage_of_the_exchange_is_reported_once_and_so_is_its_end(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ScriptedServer
) -> None:
    """After three evaluations without a response; an earlier version has stored the cursor."""
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        away = open_exchange(url := f"http://127.0.0.1:{dead.getsockname()[1]}", url, HASTY)
    stopped = replace(platform, exchange=away)
    webhook, cursor = Webhook(server.url), '{"said":{},"seen":{},"looked_at":null}'
    subjects: list[list[str]] = []
    for context in (*[stopped] * 2, platform, *[stopped] * 5, platform, platform):
        before = len(server.requests)
        cursor = evaluate_sensor(
            stale_symbols_sensor, instance, cursor, platform=context, webhook=webhook
        ).cursor
        subjects.append([orjson.loads(each.body)["text"] for each in server.requests[before:]])
    nothing: list[str] = []
    assert subjects == [
        *[nothing] * 5,
        ["crypto-assets: The exchange does not respond"],
        *[nothing] * 2,
        ["crypto-assets: The exchange responds again"],
        nothing,
    ]
    assert [attachment["color"] for attachment in _list_attachments(server)] == [
        "#c0392b",
        "#2e7d32",
    ]
    problem, notice = sent(server)
    assert "does not respond" in problem["error"]
    assert notice["message"] == "it did not respond for 1 min; missing data is loaded now"


def test_an_outage_is_reported_although_the_webhook_did_not_respond(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ScriptedServer
) -> None:
    outage = {"failures": 2, "since": now_ms(), "is_reported": False}
    cursor = orjson.dumps({"said": {}, "seen": {}, "looked_at": None, "outage": outage}).decode()
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        away = open_exchange(url := f"http://127.0.0.1:{dead.getsockname()[1]}", url, HASTY)
    resources = {"platform": replace(platform, exchange=away), "webhook": Webhook(server.url)}
    server.respond = in_turn(Answer(503), Answer())
    for _ in range(3):
        cursor = evaluate_sensor(stale_symbols_sensor, instance, cursor, **resources).cursor
    assert [each["title"] for each in _list_attachments(server)] == [
        "The exchange does not respond"
    ] * 2


def test_an_outage_is_reported_although_the_warehouse_is_away_too(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ScriptedServer, tmp_path: Path
) -> None:
    """As on a machine that has lost its network."""
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        away = open_exchange(url := f"http://127.0.0.1:{dead.getsockname()[1]}", url, HASTY)
    missing = Warehouse(f"sqlite:///{tmp_path / 'missing.db'}")
    alone = replace(platform, exchange=away, warehouse=missing)
    resources = {"platform": alone, "webhook": Webhook(server.url)}
    cursor, messages = None, []
    for _ in range(4):
        result = evaluate_sensor(stale_symbols_sensor, instance, cursor, **resources)
        cursor = result.cursor
        messages.append(result.skip_message)
    assert [each["title"] for each in _list_attachments(server)] == [
        "The exchange does not respond"
    ]
    assert all("missing.db" in message for message in messages)
    missing.close()


def _list_attachments(server: ScriptedServer) -> list[dict[str, Any]]:
    return [each for one in server.requests for each in orjson.loads(one.body)["attachments"]]


def test_a_failed_run_of_selected_assets_is_named_by_its_assets(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ScriptedServer
) -> None:
    """As of "Materialize selected", whose job has no name that a user knows."""
    webhook = Webhook(server.url)
    cursor = evaluate_sensor(run_failures_sensor, instance, None, webhook=webhook).cursor
    job = dg.Definitions(
        assets=[klines_assets], resources={"platform": platform}
    ).resolve_implicit_global_asset_job_def()
    selected = frozenset({dg.AssetKey("raw_klines"), dg.AssetKey("fact_klines")})
    run = instance.create_run_for_job(job, asset_selection=selected)
    instance.report_run_failed(run)
    evaluate_sensor(run_failures_sensor, instance, cursor, webhook=webhook)
    assert [each["title"] for each in _list_attachments(server)] == [
        "fact_klines, raw_klines failed"
    ]

"""Dagster's webserver: read-only until the browser is unlocked, and closed to other sites."""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import dagster as dg
import pytest
import requests
from dagster._core.events import JobFailureData
from dagster_shared.error import SerializableErrorInfo
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from crypto_assets.dagster_ext.instance_home import open_instance
from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.http_server import serve_in_thread
from crypto_assets.market.utc_time import now_ms, to_epoch_ms
from crypto_assets.orchestrator import Kind, queued_runs
from crypto_assets.orchestrator.queued_runs import fetch_queue_lengths
from crypto_assets.orchestrator.run_queue import RUN_CLASS_TAG, RunClass
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.app_settings import SettingChange
from crypto_assets_tests.access.serving import OPERATOR_TOKEN
from crypto_assets_tests.services.chromium import TIMEOUT_MS, OpenTab
from crypto_assets_tests.services.dagster_tree import Tree, wait_for

pytestmark = pytest.mark.timeout(300)

SCHEDULE = "ingest_schedule"
JSON = {"Content-Type": "application/json"}
BEARER = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
ADD = """
mutation Add($key: String!) {
  addDynamicPartition(
    partitionKey: $key
    partitionsDefName: "symbols"
    repositorySelector: {
      repositoryName: "__repository__", repositoryLocationName: "crypto_assets"
    }
  ) { __typename }
}
"""
PARTITIONS = """
{
  assetNodeOrError(assetKey: {path: ["raw_klines"]}) {
    ... on AssetNode { partitionKeysByDimension { name partitionKeys } }
  }
}
"""
# A text that each page shows when its queries have been answered.
READER_PAGES = {
    "/overview/activity/timeline": "thin_history",
    "/runs": "Duration",
    "/assets": "warehouse_tables",
    "/assets/raw_klines?view=partitions": "BTCUSDT",
    "/locations/crypto_assets/sensors/symbols": "~15 sec",
    "/deployment/daemons": "Event Log Consumer",
}
SCHEDULE_STATE = """
query ($name: String!) {
  scheduleOrError(scheduleSelector: {
    repositoryName: "__repository__", repositoryLocationName: "crypto_assets", scheduleName: $name
  }) { ... on Schedule { scheduleState { selectorId } } }
}
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    """A webserver as `up` starts it, without a daemon."""
    exchange = SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(now_ms(), 1))
    with start_exchange_server(exchange) as url:
        tree = Tree.planted(tmp_path_factory.mktemp("webserver"), url, START_DATE="2026-01-01")
        try:
            tree.start_webserver()
            yield tree
        finally:
            tree.kill_all()


def send(
    tree: Tree, body: object, headers: Mapping[str, str] | None = None, query: str = ""
) -> requests.Response:
    """POST a body to Dagster's GraphQL, as JSON unless it is text."""
    data = body if isinstance(body, str) else json.dumps(body)
    return requests.post(
        f"{tree.url}/graphql{query}", data=data, headers={**JSON, **(headers or {})}, timeout=60
    )


def list_symbols(tree: Tree) -> list[str]:
    dimensions = tree.webserver.run_query(PARTITIONS)["assetNodeOrError"][
        "partitionKeysByDimension"
    ]
    return next(d["partitionKeys"] for d in dimensions if d["name"] == "symbol")


def is_running(tree: Tree) -> bool:
    return tree.orchestrator.get_instigator(Kind.SCHEDULE, SCHEDULE).running


def list_changes(tree: Tree) -> list[SettingChange]:
    warehouse = Warehouse(f"sqlite:///{tree.desk.home / 'warehouse.db'}")
    try:
        return warehouse.app_settings.list_changes()
    finally:
        warehouse.close()


def wait_for_change(tree: Tree, mutation: str) -> SettingChange:
    """Return the change of a mutation, which is recorded after the response."""
    name = f"Dagster: {mutation}"
    return wait_for(lambda: [one for one in list_changes(tree) if one.name == name], 90)[0]


def build_stop_mutation(tree: Tree) -> str:
    """Return a mutation that any page could send: the id is the same in every installation."""
    found = tree.webserver.run_query(SCHEDULE_STATE, name=SCHEDULE)["scheduleOrError"]
    selector = found["scheduleState"]["selectorId"]
    return f'mutation{{stopRunningSchedule(id:"x::{selector}"){{__typename}}}}'


def test_everyone_may_read(tree: Tree) -> None:
    answer = send(tree, {"query": "{ version permissions { permission value } }"})
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert data["version"]
    assert not any(one["value"] for one in data["permissions"])


def test_a_change_needs_the_operator(tree: Tree) -> None:
    body = {"query": ADD, "variables": {"key": "EVILUSDT"}}
    assert send(tree, body).status_code == 403
    assert send(tree, body, {"Authorization": "Bearer wrong"}).status_code == 401
    assert "EVILUSDT" not in list_symbols(tree)


def test_dagster_executes_only_the_query_that_was_checked(tree: Tree) -> None:
    """Dagster takes the query of the URL unless the content type is in lower case."""
    mutation = "?query=mutation{setNuxSeen}"
    answer = send(tree, {"query": "{ version }"}, {"Content-Type": "Application/JSON"}, mutation)
    assert list(answer.json()["data"]) == ["version"]


def test_a_change_is_recorded_with_its_author_and_its_object(tree: Tree) -> None:
    body = {"query": ADD, "variables": {"key": "XRPUSDT"}}
    assert send(tree, body, BEARER).status_code == 200
    assert "XRPUSDT" in list_symbols(tree)
    change = wait_for_change(tree, "addDynamicPartition")
    assert "partitionKey XRPUSDT" in change.new
    assert (change.who, change.address) == ("Dagster's pages", "127.0.0.1")


def test_a_change_of_another_program_is_recorded_whatever_it_calls_itself(tree: Tree) -> None:
    body = {"query": ADD, "variables": {"key": "BNBUSDT"}}
    assert send(tree, body, {**BEARER, "User-Agent": "crypto-assets/0.1"}).status_code == 200
    wait_for(lambda: [one for one in list_changes(tree) if "BNBUSDT" in one.new], 90)


def test_a_reader_sees_no_stack_traces_and_no_output_of_processes(tree: Tree) -> None:
    """Neither of fields under other names, nor of errors that Dagster raises itself."""
    run = create_failed_run(tree)
    queries = {
        "trace": f"""{{ run: runOrError(runId: "{run}") {{ ... on Run {{
            e: eventConnection {{ events {{ ... on RunFailureEvent {{
                error {{ message s: stack causes {{ stack }} }} }} }} }} }} }} }}""",
        "output": '{ o: capturedLogs(logKey: ["a", "compute_logs", "b"]) { x: stderr stdout } }',
        "paths": "{ instance { info executablePath } }",
        # Dagster raises an exception for it.
        "error": "{ capturedLogsMetadata(logKey: []) { stderrLocation } }",
    }
    shown = {name: send(tree, {"query": one}).text for name, one in queries.items()}
    whole = {name: send(tree, {"query": one}, BEARER).text for name, one in queries.items()}
    source = "in_a_secret_place.py"
    assert source in whole["trace"] and source not in shown["trace"]
    assert "planted failure" in shown["trace"]
    assert "The output of processes" in shown["output"]
    assert "The output of processes" not in whole["output"]
    assert str(tree.desk.home) in whole["paths"] and str(tree.desk.home) not in shown["paths"]
    assert sys.executable in whole["paths"] and sys.executable not in shown["paths"]
    assert "errorInfo" in whole["error"] and "errorInfo" not in shown["error"]
    for path in ("/logs/a/b", f"/download_debug/{run}", "/notebook"):
        assert requests.get(tree.url + path, timeout=60).status_code == 403
    debug = requests.get(f"{tree.url}/download_debug/{run}", headers=BEARER, timeout=60)
    assert debug.status_code == 200


def test_the_oldest_queued_run_is_found_behind_many_others(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster lists the newest ones first, a page at a time."""
    monkeypatch.setattr(queued_runs, "_PAGE_RUNS", 2)
    kinds = [RunClass.TICK, *(RunClass.BACKFILL,) * 3]
    with open_instance(tree.desk.home / "dagster") as instance:
        runs = [
            instance.create_run_for_job(
                dg.job(name="waiting")(lambda: None), tags={RUN_CLASS_TAG: kind.value}
            )
            for kind in kinds
        ]
        record = instance.get_run_record_by_id(runs[0].run_id)
        assert record is not None
        found = fetch_queue_lengths(tree.webserver)
        for run in runs:
            instance.delete_run(run.run_id)
    assert {name: length.runs for name, length in found.items()} == {"tick": 1, "backfill": 3}
    assert found["tick"].oldest_created_at == to_epoch_ms(record.create_timestamp)
    assert fetch_queue_lengths(tree.webserver) == {}


def create_failed_run(tree: Tree) -> str:
    """Create a run that has failed with a stack trace, as a process of the pipeline does."""
    error = SerializableErrorInfo("planted failure", ["in_a_secret_place.py, line 1"], "Exception")
    with open_instance(tree.desk.home / "dagster") as instance:
        run = instance.create_run_for_job(dg.JobDefinition(graph_def=dg.GraphDefinition(name="a")))
        instance.report_dagster_event(
            dg.DagsterEvent(
                dg.DagsterEventType.RUN_FAILURE.value,
                "a",
                event_specific_data=JobFailureData(error, None, None),
            ),
            run_id=run.run_id,
        )
        return run.run_id


def test_a_readers_operation_is_limited(tree: Tree) -> None:
    ticks = """{ scheduleOrError(scheduleSelector: {
        repositoryName: "__repository__", repositoryLocationName: "crypto_assets",
        scheduleName: "ingest_schedule"
    }) { ... on Schedule { futureTicks(until: 9999999999) { results { timestamp } } } } }"""
    answer = send(tree, {"query": ticks})
    assert answer.status_code == 400
    assert "seconds of future ticks" in answer.json()["detail"]


def test_our_own_programs_record_their_changes_themselves(tree: Tree) -> None:
    before = list_changes(tree)
    tree.orchestrator.switch_instigator(Kind.SENSOR, "gaps", running=False)
    tree.orchestrator.switch_instigator(Kind.SENSOR, "gaps", running=True)
    assert list_changes(tree) == before


def test_operations_come_as_one_json_document_in_a_post(tree: Tree) -> None:
    """Other forms are refused from the operator, too: Dagster would execute some of them."""
    mutation = build_stop_mutation(tree)
    query = f"?query={quote(mutation)}"
    get = requests.get(f"{tree.url}/graphql{query}", headers=BEARER, timeout=60)
    answers = {
        "GET": get.status_code,
        "form": send(
            tree, "a=b", {**BEARER, "Content-Type": "application/x-www-form-urlencoded"}, query
        ).status_code,
        "text": send(tree, mutation, {**BEARER, "Content-Type": "text/plain"}).status_code,
        "graphql": send(
            tree, mutation, {**BEARER, "Content-Type": "application/graphql"}
        ).status_code,
        "two types": send(
            tree,
            {"query": mutation},
            {**BEARER, "Content-Type": "text/plain; application/json"},
        ).status_code,
        "multipart": send(
            tree, "--x--", {**BEARER, "Content-Type": "multipart/form-data; boundary=x"}, query
        ).status_code,
    }
    assert answers == dict.fromkeys(answers, 403)
    assert send(tree, [{"query": mutation}], BEARER).status_code == 400
    assert send(tree, {"extensions": {"persistedQuery": {}}}, BEARER).status_code == 400
    assert send(tree, {"query": "mutation{"}, BEARER).status_code == 400
    assert send(tree, {"query": "{" * 50_000}, BEARER).status_code == 400
    assert send(tree, "[" * 100_000, BEARER).status_code == 400
    assert send(tree, " " * 5_000_000, BEARER).status_code == 413
    assert send(tree, " " * 300_000).status_code == 413
    assert is_running(tree)


def test_a_mutation_does_not_hide_behind_a_query(tree: Tree) -> None:
    mutation = build_stop_mutation(tree)
    both = f"query Read {{ version }} {mutation.replace('mutation', 'mutation Stop', 1)}"
    for name in ("Read", "Stop", None):
        assert send(tree, {"query": both, "operationName": name}).status_code == 403
    spread = f"mutation {{ ...F }} fragment F on Mutation {mutation.removeprefix('mutation')}"
    assert send(tree, {"query": spread}).status_code == 400
    assert is_running(tree)


@pytest.mark.parametrize("kind", ["materialization", "check", "observation"])
def test_reports_of_assets_need_the_operator(tree: Tree, kind: str) -> None:
    url = f"{tree.url}/report_asset_{kind}/raw_klines"
    assert requests.post(url, json={}, timeout=60).status_code == 403
    assert requests.post(url, data={}, headers=BEARER, timeout=60).status_code == 403


def test_a_report_by_the_operator_is_recorded(tree: Tree) -> None:
    url = f"{tree.url}/report_asset_materialization/raw_klines"
    body = {"partition": "2026-01-01|BTCUSDT"}
    assert requests.post(url, json=body, headers=BEARER, timeout=60).status_code == 200
    assert wait_for_change(tree, "report_asset_materialization").new == "raw_klines"


def test_foreign_hosts_and_origins_are_refused(tree: Tree) -> None:
    body = {"query": "{ version }"}
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert send(tree, body, {**BEARER, **headers}).status_code == 403
    stream = f"{tree.url.replace('http', 'ws', 1)}/graphql"
    with pytest.raises(InvalidStatus) as refused:
        connect(stream, origin="http://evil.example", proxy=None)  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403


def test_a_websocket_executes_no_mutation(tree: Tree) -> None:
    stream = f"{tree.url.replace('http', 'ws', 1)}/graphql"
    start = {"type": "start", "id": "1", "payload": {"query": build_stop_mutation(tree)}}
    with connect(
        stream,
        subprotocols=["graphql-ws"],  # type: ignore[list-item]
        additional_headers=BEARER,
        proxy=None,
    ) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        socket.send(json.dumps(start))
        answers = [json.loads(socket.recv(timeout=60)) for _ in range(2)]
    assert [one["type"] for one in answers] == ["connection_ack", "error"]
    assert is_running(tree)


ATTACKS = """
<img src="{url}/graphql?query={mutation}">
<script>
  const answers = {{}};
  fetch("{url}/graphql", {{
    method: "POST", mode: "no-cors", body: JSON.stringify({{query: {query}}})
  }}).catch(() => 0);
  const stream = new WebSocket("{stream}/graphql", "graphql-ws");
  stream.onopen = () => document.title = "open";
  stream.onerror = () => document.title = "refused";
</script>
"""
FORM = """
<form method="post" action="{url}/graphql?query={mutation}"></form>
<script>document.forms[0].submit()</script>
"""


def test_a_page_of_another_origin_changes_and_reads_nothing(tree: Tree, open_tab: OpenTab) -> None:
    """The browser is unlocked: the page tries to use its session."""
    mutation = build_stop_mutation(tree)
    logged = read_log(tree)
    words: dict[str, Any] = {
        "url": tree.url,
        "stream": tree.url.replace("http", "ws", 1),
        "mutation": quote(mutation),
        "query": json.dumps(mutation),
    }
    evil = Starlette(
        routes=[
            Route("/", lambda _: HTMLResponse(ATTACKS.format(**words))),
            Route("/form", lambda _: HTMLResponse(FORM.format(**words))),
        ]
    )
    with serve_in_thread(evil) as address:
        other_site = address.replace("127.0.0.1", "localhost")
        page = open_tab(f"{tree.url}/unlock").page
        unlock(page)
        # The browser does not even tell the page the status.
        with (
            page.expect_event("requestfailed", lambda one: one.resource_type == "image"),
            page.expect_event("requestfailed", lambda one: one.resource_type == "fetch"),
        ):
            page.goto(other_site)
        expect(page).to_have_title("refused")
        with page.expect_response(lambda one: one.url.startswith(tree.url)) as form:
            page.goto(f"{other_site}/form")
        assert form.value.status == 403
        expect(page.locator("body")).to_contain_text("not allowed")
    refusals = read_log(tree)[len(logged) :]
    for request in ("GET '/graphql'", "POST '/graphql'", "WebSocket '/graphql'"):
        assert f"refused {request} from 127.0.0.1: " in refusals
    assert is_running(tree)


def read_log(tree: Tree) -> str:
    return (tree.desk.home.parent / "logs" / "webserver.log").read_text()


def unlock(page: Page) -> None:
    page.get_by_label("Token").fill(OPERATOR_TOKEN)
    page.get_by_role("button", name="Unlock").click()
    page.wait_for_url(lambda url: "unlock" not in url)


def test_the_pages_are_read_only_until_unlocked(tree: Tree, open_tab: OpenTab) -> None:
    tab = open_tab(f"{tree.url}/automation", timezone_id="America/New_York")
    page = tab.page
    switch = page.locator("tr, div").filter(has_text=SCHEDULE).locator("input[disabled]").first
    expect(switch).to_be_attached()
    # No query of a page exceeds a limit of readers: that would be an error of the console.
    for path, text in READER_PAGES.items():
        page.goto(f"{tree.url}{path}")
        expect(page.get_by_text(text).first).to_be_visible(timeout=TIMEOUT_MS)
    page.goto(f"{tree.url}/assets/raw_klines")
    materialize = page.get_by_role("button", name="Materialize…")
    expect(materialize).to_be_disabled()
    page.get_by_role("link", name="Unlock").click()
    unlock(page)
    page.goto(f"{tree.url}/assets/raw_klines")
    expect(page.get_by_role("link", name="Unlock")).not_to_be_attached()
    materialize.click()
    expect(page.get_by_text("Launch runs to materialize")).to_be_visible()
    page.goto(f"{tree.url}/locations/crypto_assets/jobs/ingest/playground")
    expect(page.get_by_role("button", name="Launch Run")).to_be_visible()
    assert tab.errors == []


def test_the_switch_of_a_schedule_works_when_unlocked(tree: Tree, open_tab: OpenTab) -> None:
    tab = open_tab(f"{tree.url}/unlock?next=/locations/crypto_assets/schedules/{SCHEDULE}")
    unlock(tab.page)
    switch = tab.page.locator("label", has=tab.page.locator("input[type=checkbox]:checked")).first
    switch.click()
    wait_for(lambda: not is_running(tree), 90)
    assert wait_for_change(tree, "stopRunningSchedule").new == SCHEDULE
    tree.orchestrator.switch_instigator(Kind.SCHEDULE, SCHEDULE, running=True)
    assert tab.errors == []


def test_pages_forbid_frames_and_do_not_name_the_server(tree: Tree) -> None:
    answer = requests.get(f"{tree.url}/", timeout=60)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "server" not in answer.headers

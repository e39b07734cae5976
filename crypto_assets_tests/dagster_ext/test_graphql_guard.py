"""What the change log says about a mutation: names, but no configuration, and one short line."""

import asyncio
import json
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.types import Message, Receive, Scope, Send

from crypto_assets.access import AccessControl, AccessMiddleware, sign_recorded_request
from crypto_assets.dagster_ext import graphql_guard
from crypto_assets.dagster_ext.graphql_guard import DagsterChange, GraphQLGuardMiddleware
from crypto_assets.dagster_ext.reader_operations import ReaderOperations
from crypto_assets_tests.access.serving import OPERATOR_TOKEN

SECRET = "planted-secret"
RELOAD = "mutation { reloadWorkspace { __typename } }"
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) { __typename }
}
"""


def record(query: str, status: int = 200, signature: str = "", **variables: Any) -> list[Any]:
    """Return the changes that are recorded for an operator's request; Dagster answers `status`."""
    changes: list[DagsterChange] = []

    async def dagster(scope: Scope, receive: Receive, send: Send) -> None:
        assert json.loads((await receive())["body"])["query"] == query
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    body = json.dumps({"query": query, "variables": variables}).encode()
    incoming = [
        {"type": "http.request", "body": body[:20], "more_body": True},
        {"type": "http.request", "body": body[20:], "more_body": False},
    ]

    async def receive() -> Message:
        return incoming.pop(0)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == status

    headers = {
        "authorization": f"Bearer {OPERATOR_TOKEN}",
        "content-type": "application/json",
        # As the app, the API and the commands send it; every program can.
        "user-agent": "crypto-assets/0.1",
        "x-crypto-recorded": signature,
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "client": ("192.0.2.7", 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    access = AccessControl(SecretStr(OPERATOR_TOKEN))
    guard = GraphQLGuardMiddleware(dagster, lambda _, change: changes.append(change), access)
    asyncio.run(AccessMiddleware(guard, access)(scope, receive, send))
    return changes


def test_a_launch_is_recorded_without_its_configuration() -> None:
    params = {
        "selector": {"jobName": "ingest", "repositoryLocationName": "crypto_assets"},
        "runConfigData": json.dumps({"name": SECRET}),
        "executionMetadata": {"tags": [{"key": "x", "value": SECRET}]},
        "mode": "default",
    }
    (change,) = record(LAUNCH, params=params)
    assert change == DagsterChange(
        "launchPipelineExecution", "jobName ingest, repositoryLocationName crypto_assets"
    )


def test_asset_keys_and_literals_are_recorded() -> None:
    query = """mutation {
      wipeAssets(assetPartitionRanges: [{assetKey: {path: ["a", "b"]}}]) { __typename }
      deleteDynamicPartitions(partitionsDefName: "symbols", partitionKeys: ["X", "Y"]) { x }
    }"""
    assert record(query) == [
        DagsterChange("wipeAssets", "path a/b"),
        DagsterChange("deleteDynamicPartitions", "partitionsDefName symbols, partitionKeys X, Y"),
    ]


def test_a_text_is_one_short_line() -> None:
    query = "mutation($key: String!) { addDynamicPartition(partitionKey: $key) { __typename } }"
    (change,) = record(query, key="a\x1b[31m\n" + "b" * 10_000)
    assert change.arguments.isprintable()
    assert len(change.arguments) == 201


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("{ version }", 200),
        ("subscription { x { y } }", 200),
        ("mutation { setNuxSeen }", 200),
        (RELOAD, 500),
    ],
)
def test_nothing_else_is_recorded(query: str, status: int) -> None:
    assert record(query, status) == []


def test_only_a_signed_change_of_our_own_programs_is_recorded_by_them() -> None:
    """Another program with the token has the same User-Agent, if it likes."""
    own = sign_recorded_request(OPERATOR_TOKEN, RELOAD)
    assert record(RELOAD, signature=own) == []
    for signature in ("", "0" * 64, sign_recorded_request(OPERATOR_TOKEN, "{ version }")):
        (change,) = record(RELOAD, signature=signature)
        assert change.name == "reloadWorkspace"


# Each of them a client, as a whole network is with IPv6.
ADDRESSES = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "192.0.2.3")


@pytest.mark.parametrize(
    ("addresses", "is_operator", "statuses"),
    [
        # 16 places in all.
        ([ADDRESSES[n % 4] for n in range(17)], False, [503, *[200] * 16]),
        ([ADDRESSES[n % 4] for n in range(17)], True, [200] * 17),
        # One client leaves places for another one, whichever address of its network it uses.
        ([*ADDRESSES[:1] * 6, "::ffff:192.0.2.1"], False, [503, *[200] * 6]),
        ([f"2001:db8::{n}" for n in range(7)], False, [503, *[200] * 6]),
        ([*ADDRESSES[:1] * 6, ADDRESSES[1]], False, [200] * 7),
    ],
)
def test_readers_leave_threads_to_others(
    addresses: list[str],
    is_operator: bool,
    statuses: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dagster has 40 threads; a reader's operation may hold one for hours.

    The last operation is sent while all others are executed.
    """
    monkeypatch.setattr(graphql_guard, "_READER_WAIT_SECONDS", 0.1)
    access = AccessControl(SecretStr(OPERATOR_TOKEN))
    headers = [(b"content-type", b"application/json")]
    bearer = (b"authorization", f"Bearer {OPERATOR_TOKEN}".encode())
    running, received = 0, []
    *others, last = addresses

    async def send_operations() -> None:
        is_full, release = asyncio.Event(), asyncio.Event()

        async def dagster(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal running
            running += 1
            if running == len(others):
                is_full.set()
            if running <= len(others):
                await release.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        async def receive() -> Message:
            return {"type": "http.request", "body": b'{"query": "{ version }"}'}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                received.append(message["status"])

        app = AccessMiddleware(GraphQLGuardMiddleware(dagster, lambda *_: None, access), access)
        scope = {"type": "http", "method": "POST", "path": "/graphql"}
        tasks = [
            asyncio.create_task(
                app({**scope, "headers": headers, "client": (one, 1)}, receive, send)
            )
            for one in others
        ]
        await is_full.wait()
        mine = [*headers, *[bearer] * is_operator]
        await app({**scope, "headers": mine, "client": (last, 1)}, receive, send)
        release.set()
        await asyncio.gather(*tasks)

    asyncio.run(send_operations())
    assert received == statuses


def test_the_waiting_operations_of_a_client_delay_no_other_client() -> None:
    """However many it sends."""

    async def run() -> None:
        operations, release = ReaderOperations(), asyncio.Event()

        async def execute(address: str) -> None:
            async with operations.hold_place(address, wait_seconds=60):
                await release.wait()

        tasks = [asyncio.create_task(execute("192.0.2.1")) for _ in range(500)]
        await asyncio.sleep(0)
        async with operations.hold_place("192.0.2.2", wait_seconds=0.1):
            pass
        release.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())

"""What a reader may ask Dagster's webserver for, in one operation and in subscriptions."""

import asyncio
import json
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster_graphql.schema import create_schema
from graphql import GraphQLObjectType, get_introspection_query, graphql_sync, parse
from pydantic import SecretStr
from starlette.types import Message, Receive, Scope, Send

from crypto_assets.access import AccessControl, AccessMiddleware
from crypto_assets.dagster_ext.graphql_guard import GraphQLGuardMiddleware
from crypto_assets.dagster_ext.graphql_limits import find_excess
from crypto_assets.dagster_ext.reader_view import ReaderAwareWebserver, limit_fields
from crypto_assets_tests.access.serving import OPERATOR_TOKEN

DAY = 24 * 3600


def nest(levels: int) -> str:
    return "{ a " * levels + "}" * levels


@pytest.mark.parametrize(
    "query",
    [
        "{ " + " ".join(f"f{n}" for n in range(10)) + " }",
        "{ a { " + " ".join(f"f{n}" for n in range(1_900)) + " } }",
        nest(20),
        "{ s { futureTicks(limit: 1000) { t } } }",
        get_introspection_query(),  # of the page with an editor for queries
        "{ capturedLogs(logKey: [], limit: 1048576) { cursor } }",  # of the page of a run
    ],
)
def test_an_operation_within_the_limits(query: str) -> None:
    assert find_excess(parse(query), {}) is None


@pytest.mark.parametrize(
    ("query", "excess"),
    [
        ("{ " + " ".join(f"f{n}" for n in range(11)) + " }", "10 fields at the top level"),
        ("{ ...F } fragment F on Q { ... on Q { " + "a b c d e f g h i j k } }", "10 fields at"),
        ("{ a { " + " ".join(f"f{n}" for n in range(2_001)) + " } }", "2,000 fields"),
        # Each fragment doubles the next one: a million fields in 20 lines.
        (
            "{ a { ...F0 } }"
            + "".join(f"fragment F{n} on Q {{ ...F{n + 1} ...F{n + 1} }}" for n in range(20))
            + "fragment F20 on Q { x }",
            "2,000 uses of fragments",
        ),
        # Without any field, which would end the count.
        (
            "{ a ...F0 }"
            + "".join(f"fragment F{n} on Q {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60)),
            "2,000 uses of fragments",
        ),
        ("{ a { " + " ".join(f"n{n}: b" for n in range(41)) + " } }", "40 aliases"),
        (nest(21), "20 levels"),
        ("{ ...F } fragment F on Q { a { ...F } }", "20 levels"),
        ("{ ...F } fragment F on Q { ...F }", "100 nested fragments"),
        ("{ a(keys: [" + "1 " * 1_001 + "]) }", "1,000 elements of a list"),
        ("{ runs(limit: 1001) { id } }", "1,000 results (the argument limit)"),
        ("{ s { potentialTickTimestamps(upperLimit: 1001) } }", "the argument upperLimit"),
        ("{ capturedLogs(logKey: [], limit: 1048577) { cursor } }", "1,048,576 bytes"),
    ],
)
def test_an_operation_beyond_a_limit(query: str, excess: str) -> None:
    found = find_excess(parse(query), {})
    assert found and excess in found


@pytest.mark.parametrize(
    ("variables", "is_refused"),
    [
        ({"until": time.time() + DAY}, False),
        ({"until": time.time() + 3 * DAY}, True),
        ({"until": 4_000_000_000, "cursor": 4_000_000_000 - DAY}, False),
        ({"until": 4_000_000_000, "cursor": 3_000_000_000}, True),
        ({"until": 4_000_000_000, "cursor": 0}, True),
        ({"until": float("inf"), "cursor": float("inf")}, True),
        ({"until": float("nan")}, True),
        ({"limit": 100}, False),
        ({"limit": 10**9}, True),
        # The defaults of the operation count, where the client gives no value.
        ({}, True),
    ],
)
def test_future_ticks(variables: dict[str, float], is_refused: bool) -> None:
    query = """
    query ($cursor: Float, $until: Float, $limit: Int = 5000) { s { ...F } }
    fragment F on Schedule {
      futureTicks(cursor: $cursor, until: $until, limit: $limit) { results { timestamp } }
    }
    """
    known = {"limit": 10, **variables} if variables else {}
    assert (find_excess(parse(query), known) is not None) == is_refused


def test_variables_are_limited_before_they_are_used() -> None:
    assert find_excess(parse("{ version }"), {"a": {"b": [[0] * 1_001]}})
    deep: Any = 0
    for _ in range(100_000):
        deep = [deep]
    assert find_excess(parse("{ version }"), {"a": deep})


def list_runs(query: str, *, is_reader: bool) -> int:
    """Return how many of 1,001 runs Dagster returns."""
    schema = ReaderAwareWebserver.__new__(ReaderAwareWebserver).build_graphql_schema()
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(1_001):
            instance.add_run(dg.DagsterRun(job_name="a"))
        context = SimpleNamespace(read_only=is_reader, instance=instance)
        result = graphql_sync(schema.graphql_schema, query, context_value=context)
    assert not result.errors and result.data
    return len(result.data["runs"]["results"])


@pytest.mark.parametrize("arguments", ["", "(limit: null)", "(limit: 0)", "(limit: -1)"])
def test_a_reader_who_gives_no_limit_gets_the_newest_thousand(arguments: str) -> None:
    query = f"{{ runs: runsOrError{arguments} {{ ... on Runs {{ results {{ runId }} }} }} }}"
    assert list_runs(query, is_reader=True) == 1_000


def test_an_operator_gets_everything() -> None:
    query = "{ runs: pipelineRunsOrError { ... on Runs { results { runId } } } }"
    assert list_runs(query, is_reader=False) == 1_001


def test_each_field_of_dagster_that_takes_a_limit_has_one() -> None:
    """Also those of later versions, except two which return little without it."""
    schema = create_schema().graphql_schema
    given: dict[str, Any] = {}

    def record_arguments(source: Any, info: Any, **arguments: Any) -> None:
        given.update(arguments)

    fields = {
        f"{kind.name}.{name}": field
        for kind in schema.type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items()
        if any("limit" in argument.lower() for argument in field.args)
    }
    for field in fields.values():
        field.resolve = record_arguments
    limit_fields(schema)
    info, unlimited = SimpleNamespace(context=SimpleNamespace(read_only=True)), set()
    for name, field in fields.items():
        given.clear()
        field.resolve(None, info)
        if not given:
            unlimited.add(name)
    assert "Query.assetsOrError" in fields
    assert {name.partition(".")[2] for name in unlimited} == {
        *("futureTicks", "potentialTickTimestamps"),
        *("description", "setConcurrencyLimit"),
    }


class Client:
    """WebSockets of clients to a Dagster that records what arrives."""

    def __init__(self) -> None:
        self.arrived: list[Mapping[str, Any]] = []
        self._access = AccessControl(SecretStr(OPERATOR_TOKEN))
        self._guard = GraphQLGuardMiddleware(self._dagster, lambda *_: None, self._access)

    async def _dagster(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            content = json.loads(message["text"])
            self.arrived.append(content)
            if content["type"] == "finish":  # as if the subscription ended by itself
                await send(build_message("complete", content["id"]))

    async def exchange(
        self, messages: list[Message], address: str = "192.0.2.1", *, operator: bool = False
    ) -> list[dict[str, Any]]:
        """Send messages, return the answers, and leave the connection open if they do not end."""
        incoming = asyncio.Queue[Message]()
        for message in messages:
            incoming.put_nowait(message)
        answers: list[dict[str, Any]] = []

        async def send(message: Message) -> None:
            answers.append(json.loads(message["text"]))

        headers = [(b"authorization", f"Bearer {OPERATOR_TOKEN}".encode())] if operator else []
        scope = {
            "type": "websocket",
            "path": "/graphql",
            "client": (address, 1),
            "headers": headers,
        }
        app = AccessMiddleware(self._guard, self._access)
        task = asyncio.ensure_future(app(scope, incoming.get, send))
        while not (task.done() or incoming.empty()):
            await asyncio.sleep(0)
        for _ in range(20):  # until the last answer has been sent
            await asyncio.sleep(0)
        self.tasks = [*getattr(self, "tasks", []), task]
        return answers


def build_message(kind: str, name: object, query: str = "subscription { x }") -> Message:
    content = {"type": kind, "id": name, "payload": {"query": query}}
    return {"type": "websocket.receive", "text": json.dumps(content)}


END: Message = {"type": "websocket.disconnect", "code": 1000}


def test_subscriptions_beyond_the_limit_of_a_connection_are_refused() -> None:
    async def run() -> None:
        client = Client()
        starts = [build_message("start", str(n)) for n in range(21)]
        (refusal,) = await client.exchange([*starts, END])
        assert (refusal["type"], refusal["id"]) == ("error", "20")
        assert "more than 20 subscriptions" in refusal["payload"]["message"]
        assert len(client.arrived) == 20

    asyncio.run(run())


def test_another_subscription_may_follow_a_stopped_one() -> None:
    async def run() -> None:
        client = Client()
        starts = [build_message("start", str(n)) for n in range(20)]
        more = [
            build_message("stop", "3"),
            build_message("start", "a"),
            build_message("finish", "4"),
            build_message("subscribe", "b"),
            build_message("start", "c"),
            END,
        ]
        answers = await client.exchange([*starts, *more])
        assert [one["id"] for one in answers if one["type"] == "error"] == ["c"]

    asyncio.run(run())


def test_subscriptions_of_all_connections_of_a_client_are_limited() -> None:
    async def run() -> None:
        client = Client()
        starts = [build_message("start", str(n)) for n in range(20)]
        for _ in range(3):
            assert await client.exchange(starts) == []
        (refusal,) = await client.exchange([build_message("start", "1")])
        assert "more than 60 subscriptions of this address" in refusal["payload"]["message"]
        assert await client.exchange([*starts, END], "192.0.2.2") == []
        # The same client as this server sees it when it listens on all addresses.
        (refusal,) = await client.exchange([build_message("start", "1"), END], "::ffff:192.0.2.1")
        assert "of this address" in refusal["payload"]["message"]
        assert await client.exchange([*starts * 2, END], operator=True) == []
        for task in client.tasks:
            task.cancel()
        await asyncio.gather(*client.tasks, return_exceptions=True)
        # The connections have ended.
        assert await client.exchange([*starts, END]) == []

    asyncio.run(run())


@pytest.mark.parametrize("query", [nest(21), "{", None, "subscription { x(limit: 5000) }"])
def test_a_subscription_beyond_the_limits_of_an_operation_is_refused(query: Any) -> None:
    async def run() -> None:
        client = Client()
        (refusal,) = await client.exchange([build_message("start", "1", query), END])
        assert refusal["type"] == "error" and not client.arrived

    asyncio.run(run())


def test_two_ids_of_dagster_are_two_subscriptions() -> None:
    async def run() -> None:
        client = Client()
        starts = [build_message("start", "1"), build_message("start", 1, nest(21)), END]
        (refusal,) = await client.exchange(starts)
        assert (refusal["type"], refusal["id"]) == ("error", 1)
        assert [one["id"] for one in client.arrived] == ["1"]

    asyncio.run(run())

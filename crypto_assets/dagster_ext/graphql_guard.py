"""Lets only operators change things through Dagster's webserver, which has no login of its own.

Dagster executes a mutation in any request to `/graphql`: in the URL of a GET, in the URL of a form.
Behind this middleware, an operation is executed only if it arrives as one JSON document in a POST,
a mutation only for an operator, and a reader's operation only within limits. Everything that is not
understood is refused.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    parse,
)
from graphql.utilities import value_from_ast_untyped
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crypto_assets.access import RECORDED_HEADER, AccessControl, Caller, Credential, get_caller
from crypto_assets.dagster_ext.graphql_limits import find_excess
from crypto_assets.dagster_ext.reader_operations import ReaderOperations, TooManyOperations
from crypto_assets.dagster_ext.reader_subscriptions import ReaderConnection, SubscriptionCounts
from crypto_assets.foreign_text import shorten_text
from crypto_assets.request_guard import SAFE_METHODS, Refusal, send_refusal

_GRAPHQL_PATH = "/graphql"
_REPORT_PATHS = (
    "/report_asset_materialization/",
    "/report_asset_check/",
    "/report_asset_observation/",
)
# They contain the output and all events of runs, with stack traces.
_OPERATOR_PATHS = ("/logs/", "/download_debug/", "/notebook", "/dagit/notebook")
# A backfill names all of its partitions; a query of Dagster's pages has a few kilobytes.
_MAX_CHANGE_BYTES, _MAX_QUERY_BYTES = 4 * 1024 * 1024, 256 * 1024
# Dagster's largest query has fewer than 5,000.
_MAX_TOKENS = 20_000
# How long an operation of a reader waits for others.
_READER_WAIT_SECONDS = 30
# Names of arguments whose values say what a change is about, and contain no configuration.
_TELLING_NAMES = frozenset(
    {
        *(
            "assetKey",
            "assetKeys",
            "backfillId",
            "id",
            "jobName",
            "name",
            "parentRunId",
            "partition",
        ),
        *(
            "partitionKey",
            "partitionKeys",
            "partitionNames",
            "partitionSetName",
            "partitionsDefName",
        ),
        *("path", "pipelineName", "poolName", "repositoryLocationName", "runId", "runIds"),
        *("scheduleName", "sensorName", "start", "end", "strategy", "terminatePolicy"),
    }
)
# Characters of a name and of arguments in the change log.
_MAX_NAME, _MAX_TEXT = 80, 200
# What Dagster's pages send by themselves.
_UNRECORDED = frozenset({"logTelemetry", "setNuxSeen"})


@dataclass(frozen=True)
class DagsterChange:
    """A mutation that was executed: its name, and the arguments that say what it changed."""

    name: str
    arguments: str


RecordChange = Callable[[Caller, DagsterChange], None]


class GraphQLGuardMiddleware:
    """Middleware behind AccessMiddleware; `record_change` is called after each change.

    `access` knows which changes the sender records itself.
    """

    def __init__(self, app: ASGIApp, record_change: RecordChange, access: AccessControl) -> None:
        self._app = app
        self._record_change = record_change
        self._access = access
        self._reader_operations = ReaderOperations()
        self._subscriptions = SubscriptionCounts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._subscribe(scope, receive, send)
            return
        body, caller = b"", get_caller(scope)
        if not caller.is_operator and scope["path"].startswith(_OPERATOR_PATHS):
            await _refuse(scope, send, 403, "only the operator may download logs: open /unlock")
            return
        if scope["method"] == "POST":
            limit = _MAX_CHANGE_BYTES if caller.is_operator else _MAX_QUERY_BYTES
            try:
                body = await _read_body(receive, limit)
            except _BodyTooLarge:
                await _refuse(scope, send, 413, f"the body is larger than {limit} bytes")
                return
        try:
            content = _read_operation(scope, body)
            changes = _find_changes(scope, body) if content is None else _list_mutations(content)
        except _NotUnderstood as error:
            await _refuse(scope, send, error.status, str(error))
            return
        if changes and (reason := _find_refusal(caller, Headers(scope=scope))):
            await _refuse(scope, send, 403, reason)
            return
        if content is not None and not caller.is_operator:
            if excess := _find_excess(content):
                await _refuse(scope, send, 400, f"an operation of a reader is limited: {excess}")
                return
            await self._execute_for_reader(scope, _replay(body, receive), send)
            return
        if content is not None and self._is_recorded_by_sender(scope, content):
            changes = []
        await self._execute_and_record(scope, _replay(body, receive), send, changes)

    async def _subscribe(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve subscriptions; Dagster executes nothing else that comes over a WebSocket."""
        caller = get_caller(scope)
        if scope["type"] != "websocket" or caller.is_operator:
            await self._app(scope, receive, send)
            return
        connection = ReaderConnection(
            receive, send, caller.address, self._subscriptions, _find_subscription_excess
        )
        try:
            await self._app(scope, connection.receive, connection.send)
        finally:
            connection.close()

    def _is_recorded_by_sender(self, scope: Scope, content: Mapping[str, Any]) -> bool:
        """Whether one of our own programs sent an operation that it records itself."""
        if get_caller(scope).credential is not Credential.TOKEN:
            return False
        signature = Headers(scope=scope).get(RECORDED_HEADER, "")
        return self._access.is_recorded_by_sender(signature, str(content["query"]))

    async def _execute_and_record(
        self, scope: Scope, receive: Receive, send: Send, changes: Sequence[DagsterChange]
    ) -> None:
        """Execute a request, and record the changes if Dagster has made them."""
        caller, status = get_caller(scope), 0

        async def send_and_watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(_as_checked(scope), receive, send_and_watch)
        if changes and status < 400:
            for change in (one for one in changes if one.name not in _UNRECORDED):
                await run_in_threadpool(self._record_change, caller, change)

    async def _execute_for_reader(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Execute an operation when enough of the others of readers have ended."""
        address = get_caller(scope).address
        try:
            async with self._reader_operations.hold_place(address, _READER_WAIT_SECONDS):
                await self._app(_as_checked(scope), receive, send)
        except TooManyOperations:
            await _refuse(scope, send, 503, "too many operations of readers: try again")


class _NotUnderstood(Exception):
    """A request whose effect this module cannot tell."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _BodyTooLarge(Exception):
    pass


def _read_operation(scope: Scope, body: bytes) -> dict[str, Any] | None:
    """Return the GraphQL operation of a request, None without one. Raises _NotUnderstood."""
    headers, method = Headers(scope=scope), scope["method"]
    if scope["path"] != _GRAPHQL_PATH:
        return None
    if method == "POST":
        return _read_json(headers, body)
    if method == "GET" and "text/html" in headers.get("accept", ""):
        return None  # the page that has an editor for queries
    raise _NotUnderstood(403, "send operations as POST with Content-Type: application/json")


def _find_changes(scope: Scope, body: bytes) -> list[DagsterChange]:
    """Return what a request without GraphQL changes; an empty list for a read.

    Raises _NotUnderstood.
    """
    headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
    if method in SAFE_METHODS:
        return []
    if path.startswith(_REPORT_PATHS):
        _read_json(headers, body)
        name, _, asset = path.strip("/").partition("/")
        return [DagsterChange(name, shorten_text(asset, _MAX_TEXT))]
    return [DagsterChange(method, shorten_text(path, _MAX_TEXT))]


def _read_json(headers: Headers, body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; a form of another site cannot have its content type."""
    types = headers.getlist("content-type")
    if len(types) != 1 or types[0].partition(";")[0].strip().lower() != "application/json":
        raise _NotUnderstood(403, "a POST needs one Content-Type, application/json")
    if headers.get("content-encoding"):
        raise _NotUnderstood(415, "a body must not be compressed")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise _NotUnderstood(400, "the body is not JSON") from None
    if not isinstance(content, dict):
        raise _NotUnderstood(400, "the body must be one JSON object")
    return content


def _list_mutations(content: Mapping[str, Any]) -> list[DagsterChange]:
    """Return all mutations in a document, whichever of them is to be executed."""
    mutations = list(_iterate_mutations(_parse_query(content)))
    if not mutations:
        return []
    variables = _read_variables(content)
    return [_describe_mutation(field, variables) for field in mutations]


def _find_excess(content: Mapping[str, Any]) -> str | None:
    return find_excess(_parse_query(content), _read_variables(content))


def _find_subscription_excess(payload: Mapping[str, Any]) -> str | None:
    """Return why a reader's subscription is refused, None if it is not."""
    try:
        return _find_excess(payload)
    except _NotUnderstood as error:
        return str(error)


def _read_variables(content: Mapping[str, Any]) -> dict[str, Any]:
    variables = content.get("variables")
    if isinstance(variables, str):
        try:
            variables = json.loads(variables)
        except (ValueError, RecursionError):
            variables = None
    return variables if isinstance(variables, dict) else {}


def _parse_query(content: Mapping[str, Any]) -> DocumentNode:
    query = content.get("query")
    if not isinstance(query, str):
        raise _NotUnderstood(400, "the body has no text named query")
    return _parse_document(query)


# Dagster's pages repeat their queries every few seconds. A document takes up to nine megabytes.
@lru_cache(maxsize=24)
def _parse_document(query: str) -> DocumentNode:
    try:
        return parse(query, no_location=True, max_tokens=_MAX_TOKENS)
    except (GraphQLError, RecursionError):
        raise _NotUnderstood(400, "the query is not GraphQL, or too long") from None


def _iterate_mutations(document: DocumentNode) -> Iterator[FieldNode]:
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        if definition.operation is OperationType.MUTATION:
            for selection in definition.selection_set.selections:
                if not isinstance(selection, FieldNode):
                    raise _NotUnderstood(400, "a mutation must name its fields, not a fragment")
                yield selection


def _describe_mutation(field: FieldNode, variables: Mapping[str, Any]) -> DagsterChange:
    arguments: dict[str, Any] = {}
    for argument in field.arguments:
        try:
            arguments[argument.name.value] = value_from_ast_untyped(argument.value, dict(variables))
        except RecursionError:
            continue
    found = dict.fromkeys(
        f"{name} {value}" for name, value in _iterate_telling_values("", arguments, depth=0)
    )
    return DagsterChange(
        shorten_text(field.name.value, _MAX_NAME), shorten_text(", ".join(found), _MAX_TEXT)
    )


def _iterate_telling_values(name: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the arguments that say what changes: names and keys, but no configuration."""
    if depth > 8:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _iterate_telling_values(key, inner, depth + 1)
    elif isinstance(value, list):
        if name in _TELLING_NAMES and all(isinstance(one, str) for one in value):
            parts = "/".join(value) if name == "path" else ", ".join(value[:10])
            yield name, parts
            return
        for inner in value[:10]:
            yield from _iterate_telling_values(name, inner, depth + 1)
    elif name in _TELLING_NAMES and isinstance(value, str | int) and not isinstance(value, bool):
        yield name, str(value)


def _find_refusal(caller: Caller, headers: Headers) -> str | None:
    if not caller.is_operator:
        return "read-only: changes need the operator. Open /unlock in this browser"
    if caller.credential is Credential.COOKIE and not (
        "origin" in headers or "sec-fetch-site" in headers
    ):
        # Every browser sends one of them with a change; RequestGuardMiddleware has compared it.
        return "a change by a browser must say from which page it comes"
    return None


async def _refuse(scope: Scope, send: Send, status: int, reason: str) -> None:
    await send_refusal(scope, send, Refusal(status, reason))


async def _read_body(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > limit:
            raise _BodyTooLarge
        if not message.get("more_body", False):
            return bytes(body)


def _as_checked(scope: Scope) -> Scope:
    """Return an operation without the parts of the request that the check has not looked at.

    Dagster knows its content type only in lower case, and else executes the query of the URL.
    """
    if scope["path"] != _GRAPHQL_PATH or scope["method"] != "POST":
        return scope
    kept = [pair for pair in scope["headers"] if pair[0].lower() != b"content-type"]
    headers = [*kept, (b"content-type", b"application/json")]
    return {**scope, "headers": headers, "query_string": b""}


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that yields a body that has been read already."""
    is_sent = False

    async def replay() -> Message:
        nonlocal is_sent
        if is_sent:
            return await receive()
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay

"""What Dagster's webserver hides from those who may only read: traces, output of processes, paths.

Readers see every run with its events, and the message of each error, but not all of them at once.
The operator sees everything.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from dagster._core.workspace.context import WorkspaceProcessContext
from dagster_webserver.webserver import DagsterWebserver
from graphql import GraphQLError, GraphQLFormattedError, GraphQLObjectType, GraphQLSchema
from graphql.execution import default_field_resolver
from starlette.requests import HTTPConnection

from crypto_assets.access import get_caller
from crypto_assets.dagster_ext.graphql_limits import find_default_limits
from crypto_assets.dagster_ext.private_api import require_no_changes

OUTPUT_NOTICE = "The output of processes is shown to the operator only: open /unlock.\n"
# By type and field: what a reader sees in place of the value.
HIDDEN_FIELDS: dict[tuple[str, str], Any] = {
    # Paths, and lines of source.
    ("PythonError", "stack"): [],
    # What a process prints may contain everything.
    ("CapturedLogs", "stdout"): None,
    ("CapturedLogs", "stderr"): OUTPUT_NOTICE,
    ("CapturedLogsMetadata", "stdoutDownloadUrl"): None,
    ("CapturedLogsMetadata", "stdoutLocation"): None,
    ("CapturedLogsMetadata", "stderrDownloadUrl"): None,
    ("CapturedLogsMetadata", "stderrLocation"): None,
    ("LogsCapturedEvent", "externalUrl"): None,
    ("LogsCapturedEvent", "externalStdoutUrl"): None,
    ("LogsCapturedEvent", "externalStderrUrl"): None,
    ("LogsCapturedEvent", "shellCmd"): None,
    ("Instance", "executablePath"): "",
    # Paths, and the addresses of Dagster's database and of the log bucket.
    ("Instance", "hasInfo"): False,
    ("Instance", "info"): None,
    # It executes the function of a schedule or sensor.
    ("DryRunInstigationTick", "evaluationResult"): None,
}
_is_operator: ContextVar[bool] = ContextVar("is_operator", default=False)


class ReaderAwareWebserver(DagsterWebserver[Any, Any]):
    """Dagster's webserver, which shows less to a reader. Each request has its own mode."""

    def __init__(self, process_context: WorkspaceProcessContext, live_data_poll_rate: int) -> None:
        super().__init__(process_context, live_data_poll_rate=live_data_poll_rate)

    def build_graphql_schema(self) -> Any:
        schema = super().build_graphql_schema()
        hide_fields(schema.graphql_schema)
        limit_fields(schema.graphql_schema)
        return schema

    @contextmanager
    def request_context(self, conn: HTTPConnection) -> Iterator[Any]:
        token = _is_operator.set(get_caller(conn.scope).is_operator)
        try:
            with super().request_context(conn) as context:
                yield context
        finally:
            _is_operator.reset(token)

    def handle_graphql_errors(self, errors: Sequence[GraphQLError]) -> list[GraphQLFormattedError]:
        """Describe errors; without their stack traces for a reader."""
        if _is_operator.get():
            described: list[GraphQLFormattedError] = super().handle_graphql_errors(errors)
            return described
        return [error.formatted for error in errors]


def hide_fields(schema: GraphQLSchema) -> None:
    """Replace the values of HIDDEN_FIELDS for readers, under every alias.

    Raises UnsupportedDagster if the schema lacks one of them: it may have another name.
    """
    missing = []
    for (kind, name), value in HIDDEN_FIELDS.items():
        found = schema.type_map.get(kind)
        field = found.fields.get(name) if isinstance(found, GraphQLObjectType) else None
        if field is None:
            missing.append(f"the GraphQL type {kind} has no field {name}")
            continue
        field.resolve = _hide_from_readers(field.resolve or default_field_resolver, value)
    require_no_changes(missing)


def limit_fields(schema: GraphQLSchema) -> None:
    """Limit the results of all queries that take a limit, where a reader gives none."""
    for kind in schema.type_map.values():
        if not isinstance(kind, GraphQLObjectType) or kind is schema.mutation_type:
            continue
        for name, field in kind.fields.items():
            if limits := find_default_limits(name, field.args):
                field.resolve = _limit_for_readers(field.resolve or default_field_resolver, limits)


def _limit_for_readers(resolve: Any, limits: Mapping[str, int]) -> Any:
    def resolve_limited(source: Any, info: Any, **arguments: Any) -> Any:
        if info.context.read_only:
            for name, limit in limits.items():
                # To Dagster's storages, 0 and negative numbers are no limit either.
                if (arguments.get(name) or 0) < 1:
                    arguments[name] = limit
        return resolve(source, info, **arguments)

    return resolve_limited


def _hide_from_readers(resolve: Any, value: Any) -> Any:
    def resolve_by_role(source: Any, info: Any, **arguments: Any) -> Any:
        return value if info.context.read_only else resolve(source, info, **arguments)

    return resolve_by_role

"""Limits of the GraphQL documents of readers: what one of them may ask Dagster's webserver for.

Dagster executes an operation to its end, however much it asks for. The limits are far above what
Dagster's own pages send: at most 640 fields, 3 of them at the top level, on 11 levels.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    VariableNode,
)
from graphql.utilities import value_from_ast_untyped

# Counted with the fields of fragments, as often as these are used.
MAX_FIELDS, MAX_TOP_LEVEL_FIELDS, MAX_LEVELS = 2_000, 10, 20
# Counted likewise: fragments that use each other twice double with each of them.
MAX_FRAGMENTS = 2_000
# Fields with a name of the client's choice, which lets it ask for the same one many times.
MAX_ALIASES = 40
# Elements of a list, and the values of arguments that say how much to return.
MAX_LIST_LENGTH = MAX_LIMIT = 1_000
_LIMITING_ARGUMENTS = frozenset({"limit", "lowerLimit", "upperLimit"})
# Where the argument is in bytes. It is what Dagster's pages ask for.
_MAX_BYTES = {"capturedLogs": 1024 * 1024}
# Dagster's timeline shows the ticks of the next day.
MAX_FUTURE_SECONDS = 2 * 24 * 3600
_FUTURE_TICKS = "futureTicks"
# Without a limit they return ten results, or those of the span above.
_LIMITED_FIELDS = frozenset({_FUTURE_TICKS, "potentialTickTimestamps"})
# Of fields and fragments together: a fragment may contain itself.
_MAX_NESTING = 100


class _TooMuch(Exception):
    """A document that exceeds a limit, which the text names."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"more than {limit:,} {what}")


def find_excess(document: DocumentNode, variables: Mapping[str, Any]) -> str | None:
    """Return which limit a document exceeds, None if it exceeds none."""
    try:
        _check_value(variables)
        _check_document(document, variables)
    except _TooMuch as error:
        return str(error)
    except RecursionError:
        return "the document or its variables are nested too deeply"
    return None


def find_default_limits(field: str, arguments: Mapping[str, GraphQLArgument]) -> dict[str, int]:
    """Return the limits to use where an operation gives none, by the name that a resolver gets.

    Without a limit, Dagster returns everything that it has stored, such as all runs.
    """
    if field in _LIMITED_FIELDS:
        return {}
    return {
        argument.out_name or name: _MAX_BYTES.get(field, MAX_LIMIT)
        for name, argument in arguments.items()
        if name in _LIMITING_ARGUMENTS
    }


def _check_document(document: DocumentNode, variables: Mapping[str, Any]) -> None:
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    fields = top_level_fields = aliases = fragments_used = 0
    # A fragment that is used often has the same arguments each time.
    checked: set[int] = set()
    for operation in document.definitions:
        if not isinstance(operation, OperationDefinitionNode):
            continue
        defaults = _list_defaults(operation)
        _check_value(defaults)
        known = {**defaults, **variables}
        for field, level in _iterate_selections(operation.selection_set.selections, fragments):
            if not isinstance(field, FieldNode):
                fragments_used += 1
                _require(fragments_used, MAX_FRAGMENTS, "uses of fragments")
                continue
            fields += 1
            top_level_fields += level == 1
            aliases += field.alias is not None
            _require(fields, MAX_FIELDS, "fields")
            _require(top_level_fields, MAX_TOP_LEVEL_FIELDS, "fields at the top level")
            _require(aliases, MAX_ALIASES, "aliases")
            _require(level, MAX_LEVELS, "levels")
            if id(field) not in checked:
                checked.add(id(field))
                _check_arguments(field, known)


def _iterate_selections(
    selections: Sequence[SelectionNode],
    fragments: Mapping[str, FragmentDefinitionNode],
    level: int = 1,
    nesting: int = 0,
) -> Iterator[tuple[SelectionNode, int]]:
    """Yield fields and fragments, with those inside, each with its level; the first level is 1."""
    _require(nesting, _MAX_NESTING, "nested fragments")
    for one in selections:
        yield one, level
        inner, inner_level = None, level
        if isinstance(one, FieldNode):
            inner, inner_level = one.selection_set, level + 1
        elif isinstance(one, InlineFragmentNode):
            inner = one.selection_set
        elif isinstance(one, FragmentSpreadNode) and one.name.value in fragments:
            inner = fragments[one.name.value].selection_set
        if inner:
            yield from _iterate_selections(inner.selections, fragments, inner_level, nesting + 1)


def _list_defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        one.variable.name.value: value_from_ast_untyped(one.default_value)
        for one in operation.variable_definitions
        if one.default_value
    }


def _check_arguments(field: FieldNode, variables: Mapping[str, Any]) -> None:
    """Check the arguments of a field; the values of variables have been checked already."""
    arguments: dict[str, Any] = {}
    for one in field.arguments:
        if isinstance(one.value, VariableNode):
            value = variables.get(one.value.name.value)
        else:
            value = value_from_ast_untyped(one.value)
            _check_value(value)
        arguments[one.name.value] = value
    for name, value in arguments.items():
        if name in _LIMITING_ARGUMENTS and isinstance(value, int | float):
            _check_limit(field.name.value, name, value)
    if field.name.value == _FUTURE_TICKS:
        _check_future(arguments)


def _check_limit(field: str, name: str, value: float) -> None:
    if field in _MAX_BYTES:
        _require(value, _MAX_BYTES[field], f"bytes (the argument {name})")
    else:
        _require(value, MAX_LIMIT, f"results (the argument {name})")


def _check_future(arguments: Mapping[str, Any]) -> None:
    """Check the span of future ticks, each of which Dagster computes."""
    until, cursor = arguments.get("until"), arguments.get("cursor")
    if not isinstance(until, int | float):
        return
    begin = cursor if isinstance(cursor, int | float) and cursor else time.time()
    _require(until - begin, MAX_FUTURE_SECONDS, "seconds of future ticks")


def _check_value(value: Any) -> None:
    if isinstance(value, Mapping):
        for inner in value.values():
            _check_value(inner)
    elif isinstance(value, list):
        _require(len(value), MAX_LIST_LENGTH, "elements of a list")
        for inner in value:
            _check_value(inner)


def _require(count: float, limit: int, what: str) -> None:
    # Also refuses what is not a number.
    if not count <= limit:
        raise _TooMuch(what, limit)

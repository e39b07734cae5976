"""Build the schema of a provider's result object from its dataclass."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import reduce
from operator import or_
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import create_model


def build_object_model(kind: Any) -> Any:
    """Convert a type to its JSON form: dataclasses become models, floats may be null."""
    if kind is float:
        return float | None
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        model: dict[str, Any] = {
            f.name: (build_object_model(hints[f.name]), ...) for f in fields(kind)
        }
        return create_model(getattr(kind, "__name__", "Object"), __doc__=kind.__doc__, **model)
    parts = tuple(part if part is ... else build_object_model(part) for part in get_args(kind))
    origin = get_origin(kind)
    if origin is None:
        return kind
    if origin is UnionType:
        return reduce(or_, parts)
    return (dict if origin is Mapping else origin)[parts]

"""The parts of Dagster that this package uses although they are not public API.

A release of Dagster may change them without notice. They are checked when the package is imported,
so that `crypto-assets init` and the code location report a change in words, instead of an
ImportError or AttributeError in the middle of a run. The tests run with the oldest and with the
newest supported version. `private_run_parts.py` and `private_server_parts.py` list the parts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from importlib.metadata import version
from inspect import Signature, get_annotations, signature
from typing import Any

from crypto_assets.errors import UnsupportedDagster

# The versions that the tests run with: `requirements-dagster-oldest.lock` and `requirements.lock`.
OLDEST_DAGSTER = "1.13.0"
NEWEST_DAGSTER = "1.13.27"

ISSUES = "https://github.com/dagster-io/dagster/issues"
PULLS = "https://github.com/dagster-io/dagster/pull"


@dataclass(frozen=True)
class PrivatePart:
    """A name of Dagster, and what the caller relies on.

    `parameters` are all arguments of the caller's call; `value` is the value of a constant.
    `upstream` is the request that would make the private use unnecessary, or the change that
    describes the behavior; "" if a search in Dagster's issues found neither.
    """

    module: str
    name: str
    used_for: str
    upstream: str = ""
    parameters: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    value: str | None = None


def require_private_parts(parts: Iterable[PrivatePart]) -> None:
    """Raise UnsupportedDagster if the installed Dagster lacks a part or has it in another form."""
    require_no_changes([change for part in parts if (change := find_change(part))])


def require_no_changes(changes: Sequence[str]) -> None:
    """Raise UnsupportedDagster with these changes and the versions to install, if there are any."""
    if changes:
        raise UnsupportedDagster(
            f"Dagster {version('dagster')} differs in private parts that crypto-assets uses: "
            f"{'; '.join(changes)}; install a version of Dagster from {OLDEST_DAGSTER} to "
            f"{NEWEST_DAGSTER}, or upgrade crypto-assets"
        )


def find_change(part: PrivatePart) -> str | None:
    """Describe how a part differs from what the caller relies on; None if it does not."""
    name = f"{part.module}.{part.name} (for {part.used_for})"
    try:
        found: Any = reduce(getattr, part.name.split("."), import_module(part.module))
    except (ImportError, AttributeError):
        return f"{name} does not exist"
    if part.parameters and not _accepts(found, part.parameters):
        return f"{name} does not take the arguments {', '.join(part.parameters)}"
    if part.value not in (None, found):
        return f"{name} is {found!r} instead of {part.value!r}"
    existing = {*getattr(found, "columns", {}).keys(), *dir(found)}
    missing = [one for one in part.columns + part.attributes if one not in existing]
    return f"{name} has no {' and no '.join(missing)}" if missing else None


def _accepts(function: Any, arguments: tuple[str, ...]) -> bool:
    """Whether a function or class can be called with exactly these arguments by name."""
    try:
        declared = signature(function)
        if isinstance(function, type) and _takes_anything(declared):
            # Dagster's record classes declare their arguments as annotations only.
            return set(get_annotations(function)) == set(arguments)
        declared.bind(**dict.fromkeys(arguments))
    except (TypeError, ValueError):
        return False
    return True


def _takes_anything(declared: Signature) -> bool:
    kinds = {parameter.kind.name for parameter in declared.parameters.values()}
    return kinds == {"VAR_POSITIONAL", "VAR_KEYWORD"}

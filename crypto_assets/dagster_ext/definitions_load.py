"""Whether a process loads definitions for Dagster's pages and daemon, or only to execute a run."""

from collections.abc import Iterator
from contextlib import contextmanager

# Dagster does not export the context in which definitions are loaded.
from dagster._core.definitions.definitions_load_context import (
    DefinitionsLoadContext,
    DefinitionsLoadType,
)


def is_loaded_for_run() -> bool:
    """Return whether the code location has been loaded before, and this process executes a run.

    Dagster evaluates freshness policies and shows descriptions of the first load only.
    """
    return DefinitionsLoadContext.get().load_type is DefinitionsLoadType.RECONSTRUCTION


@contextmanager
def load_for_run() -> Iterator[None]:
    """Load definitions within the `with` block as the process of a run does."""
    before = DefinitionsLoadContext._instance
    DefinitionsLoadContext.set(DefinitionsLoadContext(DefinitionsLoadType.RECONSTRUCTION))
    try:
        yield
    finally:
        DefinitionsLoadContext._instance = before

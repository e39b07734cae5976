"""Finds the providers: every `Provider` in a module of `analytics/providers/`, by its name."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

import crypto_assets.analytics.providers as package
from crypto_assets.analytics.provider import Provider
from crypto_assets.errors import UnknownProvider


def find_providers() -> Mapping[str, Provider[Any]]:
    """All providers by name, in the order of their names.

    A file that cannot be imported raises its own error; two providers of one name, ValueError.
    """
    found: dict[str, Provider[Any]] = {}
    for candidate in sorted(_scan_modules(), key=lambda each: each.name):
        if candidate.name in found:
            raise ValueError(f"two providers are named {candidate.name!r}; rename one")
        found[candidate.name] = candidate
    return found


def get_provider(name: str) -> Provider[Any]:
    """Raises UnknownProvider, listing those that exist."""
    known = find_providers()
    if name not in known:
        raise UnknownProvider(f"no provider {name!r}; there are: {', '.join(known)}")
    return known[name]


def _scan_modules() -> Iterator[Provider[Any]]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Provider) and value.function.__module__ == module.name:
                yield value

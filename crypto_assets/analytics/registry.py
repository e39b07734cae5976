"""Find providers: every `Provider` in the modules of `analytics/providers/`.

A module that generates several has them in `GENERATED_PROVIDERS`.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

import crypto_assets.analytics.providers as package
from crypto_assets.analytics.provider import Provider
from crypto_assets.errors import UnknownProvider


def find_providers() -> Mapping[str, Provider[Any]]:
    """Return all providers by name, sorted by name.

    Raises ValueError if two providers have the same name, and the error of a module that cannot be
    imported.
    """
    providers: dict[str, Provider[Any]] = {}
    for provider in sorted(_scan_modules(), key=lambda provider: provider.name):
        if provider.name in providers:
            raise ValueError(f"two providers are named {provider.name!r}; rename one")
        providers[provider.name] = provider
    return providers


def get_provider(name: str) -> Provider[Any]:
    """Return a provider by name. Raises UnknownProvider, which lists those that exist."""
    providers = find_providers()
    if name not in providers:
        raise UnknownProvider(f"no provider {name!r}; available: {', '.join(providers)}")
    return providers[name]


def _scan_modules() -> Iterator[Provider[Any]]:
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        yield from getattr(module, "GENERATED_PROVIDERS", ())
        for value in vars(module).values():
            if isinstance(value, Provider) and value.function.__module__ == module.__name__:
                yield value

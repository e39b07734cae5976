"""Sorts tests into two tiers: `pytest -m fast` starts no server and no browser, and needs no root.

A test is fast unless

- it, one of its fixtures, or a function or class of the tests that these use, starts a program
  (`subprocess`, `multiprocessing`, Playwright) or uses an instance of Dagster,
- a parameter is the name of a service, which its fixture starts ("mariadb", "seaweedfs"), or
- it has the marker `slow`, for what the code of the tests does not show.

So a new test gets its tier by itself. Two guards hold the rule while a fast test runs: it fails if
it starts a program that is not in ALLOWED_PROGRAMS, or uses more than MAX_CPU_SECONDS.
"""

import inspect
import resource
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

SERVICES = {
    *("mariadb", "mysql", "servers"),
    *("seaweedfs", "rclone", "s3_server", "seaweedfs_s3_server", "rclone_s3_server"),
}
STARTERS = (
    *("subprocess", "multiprocessing", "concurrent.futures.process", "playwright"),
    # A run starts programs that copy its output, and takes a second.
    *("dagster._core.instance", "dagster._core.definitions.materialize"),
)
TESTS = "crypto_assets_tests"
# They end at once. Dagster starts `file` when it is imported, to find the processor's architecture.
ALLOWED_PROGRAMS = {"git", "false", "file"}
# Its functions only run git.
HARMLESS_MODULES = {"crypto_assets_tests.project.repository"}
# Of a test and its child processes, on a slow and busy machine. The median is 0.01.
MAX_CPU_SECONDS = 30.0

MARKERS = (
    "fast: starts no program and takes a few seconds at most; set by itself",
    "slow: not fast, although its code starts no program: it takes long, or a callee starts one",
)

Used = ModuleType | FunctionType | type

_running_fast_test: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    sys.addaudithook(_refuse_programs)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the fast tests, before `-m` selects by markers."""
    for item in items:
        if is_fast(item):
            item.add_marker(pytest.mark.fast)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if item.get_closest_marker("fast"):
        _running_fast_test.append(item.nodeid)
    try:
        return (yield)
    finally:
        _running_fast_test.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a fast test that takes long."""
    begin = _cpu_seconds()
    yield
    used = _cpu_seconds() - begin
    if item.get_closest_marker("fast") and used > MAX_CPU_SECONDS:
        pytest.fail(
            f"a fast test took {used:.1f} s of processor time: mark it with pytest.mark.slow"
        )


def is_fast(item: pytest.Item) -> bool:
    """Return whether the test belongs to the fast tier."""
    if not isinstance(item, pytest.Function) or item.get_closest_marker("slow"):
        return False
    callspec = getattr(item, "callspec", None)
    parameters = list(map(str, callspec.params.values())) if callspec else []
    if not SERVICES.isdisjoint(parameters):
        return False
    # A test may request the fixture that a parameter names.
    _, named = item.session._fixturemanager.getfixtureclosure(item.parent, parameters, ())
    fixtures = (item._fixtureinfo.name2fixturedefs | named).values()
    return not any(map(starts_programs, [item.function, *(found[-1].func for found in fixtures)]))


@cache
def starts_programs(function: Callable[..., Any]) -> bool:
    """Return whether a function starts a program, itself or through functions of the tests."""
    seen: set[Used] = set()
    unseen = [_resolve(function)]
    while unseen:
        used = unseen.pop()
        module = used.__name__ if isinstance(used, ModuleType) else used.__module__
        if module.startswith(STARTERS):
            return True
        if used not in seen and module.startswith(TESTS) and module not in HARMLESS_MODULES:
            unseen += map(_resolve, _list_used(used))
        seen.add(used)
    return False


def _list_used(used: Used) -> Iterator[Any]:
    """List what a function names, or what a class consists of."""
    if isinstance(used, type):
        yield from used.__bases__
        for member in vars(used).values():
            yield getattr(member, "fget", None) or getattr(member, "__func__", member)
    elif isinstance(used, FunctionType):
        names = set(_list_names(used.__code__))
        for value in (used.__globals__.get(name) for name in names):
            yield value
            if isinstance(value, ModuleType) and value.__name__.startswith((TESTS, "dagster")):
                yield from (getattr(value, name, None) for name in names)


def _list_names(code: CodeType) -> Iterator[str]:
    """List the names of globals and attributes in a function, with its lambdas."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _list_names(constant)


def _resolve(value: Any) -> Used:
    """Return the function without its decorators, the class or the module; of others, the class."""
    value = getattr(getattr(value, "hypothesis", None), "inner_test", value)
    if callable(value):
        value = inspect.unwrap(value)
    return value if isinstance(value, ModuleType | FunctionType | type) else type(value)


def _refuse_programs(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen" and _running_fast_test:
        program = Path(str(arguments[0])).name
        if program not in ALLOWED_PROGRAMS:
            pytest.fail(f"a fast test started {program}: mark it with pytest.mark.slow")


def _cpu_seconds() -> float:
    """Return the processor seconds of this process and of its children that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)

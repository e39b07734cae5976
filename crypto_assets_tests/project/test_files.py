"""Every file begins with its purpose, and contains no machine's paths and no package registry."""

import ast
import re
from pathlib import Path

import pytest

from crypto_assets_tests.project.repository import files, name

# Written in parts, so that this file passes the test as well.
REGISTRIES = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "deb" + ".debian.org",
    "docker" + ".io",
]
HOMES = re.compile(r"(?<![\w./-])/(?:home|root|Users|work|mnt)/[\w.-]+|[A-Z]:\\Users\\")


def is_text(path: Path) -> bool:
    return b"\0" not in path.read_bytes()[:8192]


def test_every_module_begins_with_a_docstring() -> None:
    undocumented = [
        name(path)
        for path in files("*.py")
        if not path.read_text().startswith('"""')
        or not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert undocumented == []


def test_every_script_is_executable_and_begins_with_a_comment() -> None:
    for path in files("*.sh", ".ci/run"):
        first, second, *_ = path.read_text().splitlines()
        assert first.startswith("#!"), name(path)
        assert second.startswith("# "), name(path)
        assert path.stat().st_mode & 0o100, name(path)


def test_no_file_contains_a_registry_or_a_path_of_one_machine() -> None:
    found = [
        f"{name(path)}: {match}"
        for path in files()
        if is_text(path)
        for match in find_machine_names(path.read_text())
    ]
    assert found == []


def test_only_dagster_ext_imports_private_modules_of_dagster() -> None:
    importers = {
        str(Path(name(path)).parent)
        for path in files("*.py")
        if not name(path).startswith("crypto_assets_tests/")
        and any("._" in module for module in list_dagster_imports(path))
    }
    assert importers == {"crypto_assets/dagster_ext"}


def list_dagster_imports(path: Path) -> list[str]:
    """List the modules of Dagster and its libraries that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    modules = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    modules += [
        alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
    ]
    return [module for module in modules if module.startswith("dagster")]


def find_machine_names(content: str) -> list[str]:
    return [host for host in REGISTRIES if host in content] + HOMES.findall(content)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("see https://" + REGISTRIES[0] + "/simple", [REGISTRIES[0]]),
        ("in /home" + "/ada/notes", ["/home" + "/ada"]),
        ("RUN --mount=type=cache,target=/root" + "/.cache", ["/root" + "/.cache"]),
        ("GET /dashboard/home/ada, ./stuff/a and /var/lib/mysql", []),
    ],
)
def test_the_search_finds_what_it_must(content: str, found: list[str]) -> None:
    assert find_machine_names(content) == found

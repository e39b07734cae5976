"""Every file says what it is for, and names no machine and no package registry."""

import ast
import re
from pathlib import Path

import pytest

from crypto_assets_tests.project.repository import files, name

# Written in parts, so that this file may be looked at as well.
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


def test_every_module_says_in_its_first_line_what_it_is_for() -> None:
    silent = [
        name(path)
        for path in files("*.py")
        if not path.read_text().startswith('"""')
        or not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_every_script_can_be_run_and_says_what_it_is_for() -> None:
    for path in files("*.sh", ".ci/run"):
        first, second, *_ = path.read_text().splitlines()
        assert first.startswith("#!"), name(path)
        assert second.startswith("# "), name(path)
        assert path.stat().st_mode & 0o100, name(path)


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    found = [
        f"{name(path)}: {match}"
        for path in files()
        if is_text(path)
        for match in suspicious(path.read_text())
    ]
    assert found == []


def suspicious(content: str) -> list[str]:
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
    assert suspicious(content) == found

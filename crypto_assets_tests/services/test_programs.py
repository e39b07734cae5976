"""A program or a server that tests start, and that fails, shows its output."""

import ast
import sys
from pathlib import Path

import pytest

from crypto_assets_tests.project import repository
from crypto_assets_tests.services.mariadb import START_ATTEMPTS, install_once
from crypto_assets_tests.services.programs import run_program


def test_the_output_of_a_failed_program_is_shown() -> None:
    program = "import sys; print('on stdout'); sys.exit('on stderr')"
    with pytest.raises(AssertionError, match=r"ended with 1:\non stdout\non stderr"):
        run_program([sys.executable, "-c", program])


def test_no_test_discards_the_output_of_a_failed_program() -> None:
    assert [
        f"{repository.name(path)}:{call.lineno}: use run_program"
        for path in repository.files("crypto_assets_tests/*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("subprocess.")
        if _checks_and_captures(call)
    ] == []


def _checks_and_captures(call: ast.Call) -> bool:
    options = {option.arg: ast.unparse(option.value) for option in call.keywords}
    checks = options.get("check") == "True" or "check_" in ast.unparse(call.func)
    return checks and not {"capture_output", "stderr"}.isdisjoint(options)


def test_a_database_is_installed_once(tmp_path: Path) -> None:
    failures = ["the disk is full"]

    def install(data: Path) -> None:
        (data / "half").touch()
        if failures:
            raise AssertionError(failures.pop())
        (data / "ibdata1").touch()

    for _ in range(2):
        empty = install_once("mariadb", install, tmp_path)
        assert (empty / "ibdata1").exists()
        failures = ["it was installed twice"]


def test_the_failures_of_all_attempts_to_install_are_shown(tmp_path: Path) -> None:
    failures = [f"failure {number}" for number in range(START_ATTEMPTS)]

    def install(_: Path) -> None:
        raise AssertionError(failures.pop(0))

    with pytest.raises(pytest.fail.Exception, match="\n".join(failures)):
        install_once("mariadb", install, tmp_path)
    assert not failures

"""Workflows, issue forms and hooks are valid, and run only targets of the Makefile."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from crypto_assets_tests.project.repository import ROOT, files, name, text

BIN = Path(sys.executable).parent
WORKFLOWS = [name(path) for path in files(".github/workflows/*")]
CI = ".github/workflows/ci.yml"
SCHEMAS = {
    **dict.fromkeys(WORKFLOWS, "github-workflows"),
    **{name(path): "github-issue-forms" for path in files(".github/ISSUE_TEMPLATE/*")},
    ".github/ISSUE_TEMPLATE/config.yml": "github-issue-config",
    ".github/dependabot.yml": "dependabot",
}


def check_schema(path: Path, schema: str) -> subprocess.CompletedProcess[str]:
    """Check a file against a schema that check-jsonschema contains."""
    return subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", path],
        capture_output=True,
        text=True,
        check=False,
    )


def load(path: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text(path))
    return loaded


def list_steps(path: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each step of a workflow with its job."""
    for job in load(path)["jobs"].values():
        for step in job["steps"]:
            yield job, step


def list_commands(path: str) -> set[str]:
    """Return the commands of a workflow, once for each value of the matrix that they name."""
    commands = set()
    for job, step in list_steps(path):
        matrix = job.get("strategy", {}).get("matrix", {})
        expanded = [str(step["run"])] if "run" in step else []
        for key, values in _list_values(matrix).items():
            placeholder = f"${{{{ matrix.{key} }}}}"
            expanded = [
                one.replace(placeholder, str(value)) for one in expanded for value in values
            ]
        commands.update(expanded)
    return commands


def _list_values(matrix: dict[str, Any]) -> dict[str, set[str]]:
    """Return the values of each axis of a matrix, with those that it includes."""
    values = {key: set(listed) for key, listed in matrix.items() if key != "include"}
    for combination in matrix.get("include", ()):
        for key, value in combination.items():
            values.setdefault(key, set()).add(value)
    return values


@pytest.mark.parametrize("path", sorted(SCHEMAS))
def test_each_file_matches_githubs_schema(path: str) -> None:
    checked = check_schema(ROOT / path, SCHEMAS[path])
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("schema", "content"),
    [
        ("github-workflows", "on: push\njobs: {test: {runs-on: x, stepz: []}}\n"),
        ("github-issue-forms", "name: Bug\ndescription: x\nbody: [{type: text}]\n"),
        ("github-issue-config", "blank_issues_enabled: perhaps\n"),
        ("dependabot", "version: 2\nupdates: [{package-ecosystem: pip}]\n"),
    ],
)
def test_the_schemas_refuse_a_wrong_file(schema: str, content: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.yml").write_text(content)
    checked = check_schema(tmp_path / "wrong.yml", schema)
    assert checked.returncode == 1
    assert "Schema validation errors" in checked.stdout


@pytest.mark.parametrize("path", WORKFLOWS)
def test_every_command_is_a_target_of_the_makefile(path: str) -> None:
    (declared,) = re.findall(r"^\.PHONY: (.+)$", text("Makefile"), re.MULTILINE)
    targets = declared.split()
    commands = list_commands(path)
    assert commands
    for command in commands:
        target = re.fullmatch(r"make ([a-z-]+)( [A-Z]+=\S+)*", command)
        assert target, command
        assert target[1] in targets


@pytest.mark.parametrize("path", WORKFLOWS)
def test_workflows_have_no_more_rights_than_reading(path: str) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in workflow["jobs"].values())
    # YAML reads the key `on` as true. The trigger pull_request_target has the repository's secrets.
    assert "pull_request_target" not in workflow[True]
    assert "secrets." not in text(path)
    for _, step in list_steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}


@pytest.mark.parametrize("path", WORKFLOWS)
def test_actions_and_images_have_a_version_and_jobs_a_time_limit(path: str) -> None:
    for job, step in list_steps(path):
        assert job["timeout-minutes"] <= 120
        assert not job["runs-on"].endswith("latest")
        assert ":" in job.get("container", "x:1")
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]), step["uses"]


def test_the_fast_tests_run_on_every_supported_python() -> None:
    workflow = load(CI)
    versions = workflow["jobs"]["fast-tests"]["strategy"]["matrix"]["python"]
    assert versions == sorted(versions, key=lambda version: int(version.removeprefix("3.")))
    assert f'requires-python = ">={versions[0]}"' in text("pyproject.toml")
    listed = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text("pyproject.toml"))
    assert listed == versions


def test_the_suite_runs_on_both_databases_and_both_s3_servers() -> None:
    """The database tests need any S3 server for one file only, so they run on one."""
    matrix = load(CI)["jobs"]["suite"]["strategy"]["matrix"]
    assert matrix == {
        "target": ["test"],
        "s3": ["seaweedfs", "rclone"],
        "include": [{"target": "test-mysql", "s3": "seaweedfs"}],
    }
    assert "test-mysql" in {command.removeprefix("make ") for command in list_commands(CI)}


def list_hooks() -> list[dict[str, Any]]:
    (repository,) = load(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local", "no hook is downloaded"
    hooks: list[dict[str, Any]] = repository["hooks"]
    return hooks


def test_the_hooks_are_the_checks_of_make_lint() -> None:
    hooks = [hook["entry"].split()[:2] for hook in list_hooks()]
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", text("Makefile"), re.MULTILINE)
    assert recipe
    lines = [
        line.strip().removeprefix("@").replace("$(BIN)", ".venv/bin")
        for line in recipe[1].splitlines()
    ]
    assert {_name_command(*hook) for hook in hooks} == {
        _name_command(*line.split()) for line in lines
    }


def _name_command(program: str, *arguments: str) -> str:
    """Return the script of `sh`, or the program, which must exist."""
    path = arguments[0] if program == "sh" else program
    assert (ROOT / path).exists()
    return path


def test_the_hooks_find_a_fault_and_accept_a_correct_file(tmp_path: Path) -> None:
    """In a new repository, with the hooks that read only the given files."""
    config = load(".pre-commit-config.yaml")
    for hook in config["repos"][0]["hooks"]:
        hook["entry"] = hook["entry"].replace(".venv/bin", str(BIN))
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    module = tmp_path / "module.py"

    def run_hook(hook: str) -> int:
        subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
        return subprocess.run(
            [BIN / "pre-commit", "run", hook, "--all-files"],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PRE_COMMIT_HOME": str(tmp_path / "cache")},
            capture_output=True,
            check=False,
        ).returncode

    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    module.write_text('"""A module."""\n\nimport os\n')
    assert run_hook("ruff") == 1
    module.write_text('"""A module."""\n\nNUMBER = 1\n')
    assert run_hook("ruff") == 0
    assert run_hook("ruff-format") == 0
    module.write_text('"""A module."""\n\nNUMBER   =   1\n')
    assert run_hook("ruff-format") == 1

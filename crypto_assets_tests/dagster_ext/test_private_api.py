"""A change of Dagster's private parts is reported in words, and every private use is listed."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from inspect import getattr_static
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._annotations import is_public
from sqlalchemy import Column, MetaData, String, Table

import crypto_assets
from crypto_assets.dagster_ext.private_api import (
    PrivatePart,
    find_change,
    require_private_parts,
)
from crypto_assets.dagster_ext.private_run_parts import RUN_PARTS
from crypto_assets.dagster_ext.private_server_parts import (
    CELERY_PARTS,
    SERVER_PARTS,
    WEBSERVER_PARTS,
)
from crypto_assets.dagster_ext.run_statuses import (
    FINISHED_STATUSES,
    LAUNCHED_STATUSES,
    UNFINISHED_STATUSES,
)
from crypto_assets.dagster_ext.webserver import create_webserver_app
from crypto_assets.errors import UnsupportedDagster

PRIVATE_PARTS = (*RUN_PARTS, *SERVER_PARTS, *WEBSERVER_PARTS)
_PACKAGE = Path(crypto_assets.__file__).parent
_TAGS = "dagster._core.storage.tags"
_TARGET = "AssetCheckEvaluationTargetMaterializationData"
_CHECKS = "dagster._core.definitions.asset_checks.asset_check_evaluation"


def test_the_installed_dagster_has_every_part() -> None:
    require_private_parts((*PRIVATE_PARTS, *CELERY_PARTS))


def test_every_part_is_checked() -> None:
    for part in (*PRIVATE_PARTS, *CELERY_PARTS):
        broken = replace(part, name=f"{part.name}_renamed")
        assert find_change(broken) == (
            f"{part.module}.{part.name}_renamed (for {part.used_for}) does not exist"
        )


def take_less(run_id: str) -> None: ...


def require_more(self: Any, run_id: str, new_tags: Any, author: str) -> None: ...


class Target:
    """A record class with another field."""

    storage_id: int
    run_id: str
    created: float

    def __new__(cls, *args: Any, **kwargs: Any) -> "Target": ...  # type: ignore[empty-body]


@pytest.mark.parametrize(
    ("module", "name", "planted", "complaint"),
    [
        (
            "dagster",
            "DagsterInstance.add_run_tags",
            require_more,
            "dagster.DagsterInstance.add_run_tags (for the owner tag of a run) does not take the"
            " arguments self, run_id, new_tags",
        ),
        (
            "dagster._core.instance.ref",
            "InstanceRef.from_dir",
            take_less,
            "InstanceRef.from_dir (for the check of dagster.yaml) does not take the arguments"
            " base_dir",
        ),
        (_CHECKS, _TARGET, Target, "does not take the arguments storage_id, run_id, timestamp"),
        (
            "dagster._core.storage.runs.schema",
            "RunTagsTable",
            Table("run_tags", MetaData(), Column("run", String)),
            "RunTagsTable (for the deletion of superseded runs) has no run_id",
        ),
        (
            "dagster._core.storage.runs.schema",
            "RunsTable",
            "runs",
            "RunsTable (for the deletion of superseded runs) has no run_id",
        ),
        (
            "dagster",
            "DagsterInstance.report_run_failed",
            "no function",
            "report_run_failed (for the detection of killed processes) does not take the arguments",
        ),
        (
            "dagster._core.storage.event_log.schema",
            "AssetCheckExecutionsTable",
            Table("executions", MetaData(), Column("asset_key", String), Column("run", String)),
            "has no check_name and no run_id and no execution_status",
        ),
        (
            _TAGS,
            "BACKFILL_ID_TAG",
            "dagster/backfill_id",
            "BACKFILL_ID_TAG (for the tags of runs) is 'dagster/backfill_id' instead of"
            " 'dagster/backfill'",
        ),
        (
            "dagster._core.storage.asset_check_execution_record",
            "AssetCheckExecutionRecordStatus",
            object,
            "AssetCheckExecutionRecordStatus (for planned checks) has no PLANNED",
        ),
    ],
)
def test_a_change_is_reported_in_words(
    module: str, name: str, planted: Any, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner: Any = import_module(module)
    *parents, last = name.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    monkeypatch.setattr(owner, last, planted)
    with pytest.raises(UnsupportedDagster) as caught:
        require_private_parts(PRIVATE_PARTS)
    message = str(caught.value)
    assert complaint in message
    assert message.startswith(f"Dagster {dg.__version__} differs in private parts")
    assert "install a version of Dagster from 1.13.0 to" in message
    assert message.endswith("or upgrade crypto-assets")
    assert "\n" not in message


@pytest.mark.parametrize("user", ["crypto_assets.definitions", "crypto_assets.cli init"])
def test_a_missing_name_stops_every_user_of_dagster_with_the_message(
    user: str, tmp_path: Path
) -> None:
    """Instead of an ImportError; `init` prints one line and exits with 1."""
    module, *arguments = user.split()
    start = (
        f"import sys; import {_TAGS} as tags; del tags.HIDDEN_TAG_PREFIX; "
        f"sys.argv[1:] = {arguments}; "
        f"from {module} import {'main; main()' if arguments else 'defs'}"
    )
    ran = subprocess.run(
        [sys.executable, "-c", start],
        env={"CRYPTO_HOME": str(tmp_path), "CRYPTO_EXCHANGE": "simulated"},
        capture_output=True,
        text=True,
    )
    expected = (
        f"{_TAGS}.HIDDEN_TAG_PREFIX (for the owner tag of a run) does not exist; install a version"
    )
    assert ran.returncode == 1
    assert expected in ran.stderr
    assert ("Traceback" in ran.stderr) == (not arguments)


def test_a_changed_webserver_is_reported_when_it_is_created(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("dagster_webserver.webserver.DagsterWebserver")
    nothing: Any = None
    with pytest.raises(UnsupportedDagster, match="DagsterWebserver"):
        create_webserver_app(nothing, nothing, nothing, nothing)


def test_every_private_name_that_the_package_imports_is_listed() -> None:
    listed = {(part.module, part.name.split(".")[0]) for part in (*PRIVATE_PARTS, *CELERY_PARTS)}
    used = set(_list_private_imports())
    assert used - listed == set(), "add them to private_run_parts.py or private_server_parts.py"
    as_text = {(part.module, part.name) for part in PRIVATE_PARTS if part.value}
    unused = {(module, name) for module, name in listed - used - as_text if "._" in module}
    # Methods of objects that a public method returns; nothing imports their classes.
    assert unused == {
        ("dagster._core.storage.event_log", "EventLogStorage"),
        ("dagster._core.storage.compute_log_manager", "ComputeLogManager"),
        ("dagster._core.storage.daemon_cursor", "DaemonCursorStorage"),
        ("dagster._core.storage.local_compute_log_manager", "LocalComputeLogManager"),
        ("dagster._core.storage.runs", "RunStorage"),
    }


def test_every_private_module_that_is_started_by_its_name_is_listed() -> None:
    listed = {part.module.rpartition(".")[0] for part in PRIVATE_PARTS}
    named = {
        node.value
        for path in _PACKAGE.rglob("*.py")
        if not re.fullmatch(r"private_(run|server)_parts\.py", path.name)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and re.fullmatch(r"dagster[\w.]*\._[\w.]+", str(node.value))
    }
    assert named <= listed


def test_every_undocumented_method_of_the_instance_is_listed() -> None:
    listed = set()
    for part in PRIVATE_PARTS:
        if part.name.split(".")[0] == "DagsterInstance":
            listed |= {*part.attributes, *part.name.split(".")[1:]}
    used = {name for name in _list_instance_attributes() if not _is_documented(name)}
    assert used == listed


def test_every_tag_of_dagster_that_is_written_as_text_is_listed() -> None:
    listed = {part.value for part in PRIVATE_PARTS if part.value} - {".dagster/"}
    paths = [*(_PACKAGE / "orchestrator").rglob("*.py"), _PACKAGE / "defs" / "alerts.py"]
    written = {
        node.value
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {text for text in written if re.fullmatch(r"\.?dagster/\w+", text)} == listed


def test_every_part_says_what_it_is_for_and_links_to_dagsters_repository() -> None:
    links = {part.upstream for part in PRIVATE_PARTS} - {""}
    assert all(link.startswith("https://github.com/dagster-io/dagster/") for link in links)
    assert all(part.used_for for part in PRIVATE_PARTS)
    assert len({(part.module, part.name, part.attributes) for part in PRIVATE_PARTS}) == len(
        PRIVATE_PARTS
    )


def test_every_status_of_a_run_is_grouped() -> None:
    """If this fails, Dagster has a new status: decide whether its runs have a process."""
    waiting = {"QUEUED", "NOT_STARTED", "MANAGED", "SUSPENDED"}
    statuses = {status.value for status in dg.DagsterRunStatus}
    launched = {status.value for status in LAUNCHED_STATUSES}
    unfinished = {status.value for status in UNFINISHED_STATUSES}
    assert statuses - {status.value for status in FINISHED_STATUSES} == unfinished
    assert unfinished - launched <= waiting
    assert launched == {"STARTING", "STARTED", "CANCELING"}


def test_a_call_that_still_works_is_no_change() -> None:
    assert find_change(PrivatePart("json", "dumps", "a test", parameters=("obj", "indent"))) is None
    without_items = PrivatePart("builtins", "sorted", "a test", parameters=("key",))
    assert find_change(without_items) == (
        "builtins.sorted (for a test) does not take the arguments key"
    )


def _list_modules() -> Iterator[ast.Module]:
    for path in sorted(_PACKAGE.rglob("*.py")):
        yield ast.parse(path.read_text())


def _list_private_imports() -> Iterator[tuple[str, str]]:
    """List (module, name) of imports from anything but the top level of Dagster's packages."""
    for tree in _list_modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                if node.module.startswith("dagster") and "." in node.module:
                    yield from ((node.module, alias.name) for alias in node.names)
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names if alias.name.startswith("dagster")]
                yield from ((name, "") for name in names if "." in name)


def _list_instance_attributes() -> set[str]:
    """List what the package uses of values named `instance` or `_instance`."""
    return {
        node.attr
        for tree in _list_modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and getattr(node.value, "attr", getattr(node.value, "id", "")) in ("instance", "_instance")
        and hasattr(dg.DagsterInstance, node.attr)
    }


def _is_documented(name: str) -> bool:
    member = getattr_static(dg.DagsterInstance, name)
    return bool(is_public(getattr(member, "fget", None) or member))

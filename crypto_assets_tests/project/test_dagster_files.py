"""Dagster's files of each size, and the workers of many machines."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.workspace.load import location_origins_from_yaml_paths
from dotenv import dotenv_values

from crypto_assets.dagster_ext import celery_launcher
from crypto_assets.dagster_ext.celery_app import WorkerQueue, find_worker_queue
from crypto_assets.orchestrator.run_queue import RUN_CLASS_TAG, RunClass
from crypto_assets_tests.project.compose import require_valid_compose
from crypto_assets_tests.project.repository import ROOT, text

PRODUCTION = {
    "DAGSTER_MYSQL_HOST": "mysql",
    "DAGSTER_MYSQL_PORT": "3306",
    "DAGSTER_MYSQL_PASSWORD": "secret",
    "DAGSTER_LOG_BUCKET": "crypto-logs",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def test_dagsters_settings_for_the_embedded_size_need_no_variables() -> None:
    ref = InstanceRef.from_dir(str(ROOT))
    assert ref.settings["telemetry"] == {"enabled": False}
    assert "env:" not in text("dagster.yaml")


def test_dagsters_production_settings_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "dagster.yaml").write_text(text("deploy/dagster.yaml"))
    ref = InstanceRef.from_dir(str(tmp_path))
    assert type(ref.compute_log_manager).__name__ == "S3ComputeLogManager"
    assert ref.storage_data is not None
    assert ref.storage_data.module_name == "crypto_assets.dagster_ext.storage"
    assert ref.settings["telemetry"] == {"enabled": False}
    assert ref.settings["run_monitoring"]["max_runtime_seconds"] > 0
    assert ref.settings["run_retries"]["enabled"]


@pytest.mark.parametrize("workspace", ["workspace.yaml", "deploy/workspace.yaml"])
def test_each_workspace_has_one_code_location(
    workspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    origins = location_origins_from_yaml_paths([str(ROOT / workspace)])
    assert [origin.location_name for origin in origins] == ["crypto_assets"]


@pytest.mark.parametrize(
    "config", ["dagster.yaml", "deploy/dagster.yaml", "deploy/celery/dagster.yaml"]
)
def test_the_queue_limits_every_run_class_except_ticks_and_has_slots_for_them(config: str) -> None:
    runs = yaml.safe_load(text(config))["concurrency"]["runs"]
    limits = {limit["value"]: limit["limit"] for limit in runs["tag_concurrency_limits"]}
    assert {limit["key"] for limit in runs["tag_concurrency_limits"]} == {RUN_CLASS_TAG}
    assert set(limits) == set(RunClass) - {RunClass.TICK}
    assert runs["max_concurrent_runs"] - sum(limits.values()) == 2, "ingest and order books"


def test_the_files_of_one_machine_and_of_many_differ_in_what_is_about_workers() -> None:
    one, many = (
        yaml.safe_load(text(name)) for name in ("deploy/dagster.yaml", "deploy/celery/dagster.yaml")
    )
    launcher = {"module": celery_launcher.__name__, "class": "WorkerLauncher"}
    assert many.pop("run_launcher") == launcher
    one.pop("run_launcher")
    for config in (one, many):
        config["run_monitoring"].pop("start_timeout_seconds")
        config.pop("concurrency")
    assert one == many


def test_the_worker_of_ticks_has_a_process_for_each_run_that_may_be_in_its_queue(
    services: dict[str, Any],
) -> None:
    runs = yaml.safe_load(text("deploy/celery/dagster.yaml"))["concurrency"]["runs"]
    limits = {limit["value"]: limit["limit"] for limit in runs["tag_concurrency_limits"]}
    limits[RunClass.TICK] = runs["max_concurrent_runs"] - sum(limits.values())
    prompt = [
        one for one in RunClass if find_worker_queue({RUN_CLASS_TAG: one}) is WorkerQueue.TICKS
    ]
    assert prompt == [RunClass.TICK, RunClass.CLOSE_DAY, RunClass.MANUAL]
    command = services["worker-ticks"]["command"]
    assert command[-4:] == [
        "--queue",
        "ticks",
        "--processes",
        str(sum(limits[one] for one in prompt)),
    ]


def test_the_workers_of_a_further_host_are_those_of_the_compose_file(
    services: dict[str, Any],
) -> None:
    further = yaml.safe_load(text("deploy/celery/compose.yml"))
    require_valid_compose(further)
    own = {"hostname", "profiles", "env_file", "environment", "build"}
    of_the_network = {"networks", "secrets", "depends_on"}
    for name, service in further["services"].items():
        theirs = {key: value for key, value in services[name].items() if key not in of_the_network}
        assert {key: value for key, value in service.items() if key not in own} == {
            key: value for key, value in theirs.items() if key not in own
        }
        assert service["build"]["target"] == services[name]["build"]["target"]
    # What the first machine's workers get, as values or files.
    example = set(dotenv_values(ROOT / "deploy/celery/worker.env.example"))
    given = {name.removesuffix("_FILE") for name in services["worker-ticks"]["environment"]}
    assert {name for name in example if not name.startswith("AWS_")} <= given
    assert given >= {"AWS_ENDPOINT_URL_S3"} <= example


def test_the_unit_of_systemd_starts_the_worker_as_the_containers_do(
    services: dict[str, Any],
) -> None:
    unit = text("deploy/celery/crypto-assets-worker@.service")
    (command,) = re.findall(r"^ExecStart=\S+/python (.*)$", unit, re.MULTILINE)
    for name in ("ticks", "backfills"):
        started = command.replace("%i", name).split()
        assert started[:-1] == services[f"worker-{name}"]["command"][1:-1]
    # The worker forwards nothing to its processes, which end their runs.
    assert "KillMode=mixed" in unit

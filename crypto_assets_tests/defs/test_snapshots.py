"""Snapshots of all definitions, as texts whose difference shows what a change means to users.

A changed definition fails its test; `pytest crypto_assets_tests/defs/test_snapshots.py
--snapshot-update` writes the new text, to be reviewed and committed. The texts contain the fields
below only, so that they are the same with every supported version of Dagster.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest
import yaml
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from crypto_assets.definitions import defs
from crypto_assets.settings import get_settings


class _YamlFile(SingleFileSnapshotExtension):
    """One YAML file per test in `__snapshots__`."""

    file_extension = "yaml"
    _write_mode = WriteMode.TEXT

    def serialize(self, data: Any, **_: Any) -> str:
        return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100))


@pytest.fixture
def yaml_file(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(_YamlFile)


def test_assets(yaml_file: SnapshotAssertion) -> None:
    nodes = defs.resolve_asset_graph().asset_nodes
    assert {node.key.to_user_string(): describe_asset(node) for node in by_key(nodes)} == yaml_file


def test_checks(yaml_file: SnapshotAssertion) -> None:
    graph = defs.resolve_asset_graph()
    specs = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    assert {spec.key.to_user_string(): describe_check(spec) for spec in by_key(specs)} == yaml_file


def test_jobs(yaml_file: SnapshotAssertion) -> None:
    jobs = [job for job in defs.get_repository_def().get_all_jobs() if job.name != "__ASSET_JOB"]
    assert {job.name: describe_job(job) for job in by_name(jobs)} == yaml_file


def test_schedules(yaml_file: SnapshotAssertion) -> None:
    schedules = defs.get_repository_def().schedule_defs
    assert {each.name: describe_schedule(each) for each in by_name(schedules)} == yaml_file


def test_sensors(yaml_file: SnapshotAssertion) -> None:
    sensors = defs.get_repository_def().sensor_defs
    assert {each.name: describe_sensor(each) for each in by_name(sensors)} == yaml_file


def describe_asset(node: Any) -> dict[str, Any]:
    spec = node.to_asset_spec()
    metadata = dict(spec.metadata)
    schema = metadata.pop("dagster/column_schema", dg.TableSchema([]))
    lineage = metadata.pop("dagster/column_lineage", None)
    references = metadata.pop("dagster/code_references").code_references
    return {
        "description": spec.description,
        "group": spec.group_name,
        "kinds": sorted(spec.kinds),
        "owners": list(spec.owners),
        "tags": {name: tag for name, tag in spec.tags.items() if not name.startswith("dagster/")},
        "step": node.assets_def.op.name if node.is_executable else None,
        "depends on": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        "partitions": describe_partitions(node.partitions_def),
        "partitions per run": describe_backfill_policy(node.backfill_policy),
        "freshness": describe_freshness(spec.freshness_policy),
        "checks": sorted(key.name for key in node.check_keys),
        "columns": {column.name: column.type for column in schema.columns},
        "columns from": describe_lineage(lineage),
        "metadata": {name: describe_value(value) for name, value in sorted(metadata.items())},
        "source": [str(each.file_path).rpartition("/crypto_assets/")[2] for each in references],
    }


def describe_check(spec: dg.AssetCheckSpec) -> dict[str, Any]:
    return {
        "description": spec.description,
        "blocking": spec.blocking,
        "partitions": describe_partitions(spec.partitions_def),
    }


def describe_job(job: dg.JobDefinition) -> dict[str, Any]:
    layer = job.asset_layer
    return {
        "description": job.description,
        "owners": list(job.owners or ()),
        "tags": dict(sorted(job.tags.items())),
        "executor": job.executor_def.name,
        "assets": sorted(key.to_user_string() for key in layer.executable_asset_keys),
        "checks": sorted(key.to_user_string() for key in layer.asset_graph.asset_check_keys),
        "partitions": describe_partitions(job.partitions_def),
    }


def describe_schedule(schedule: dg.ScheduleDefinition) -> dict[str, Any]:
    return {
        "description": schedule.description,
        "job": schedule.job_name,
        "cron": schedule.cron_schedule,
        "timezone": schedule.execution_timezone,
        "status": schedule.default_status.value,
        "resources": sorted(schedule.required_resource_keys),
    }


def describe_sensor(sensor: dg.SensorDefinition) -> dict[str, Any]:
    return {
        "description": sensor.description,
        "jobs": sorted(target.job_name for target in sensor.targets),
        "seconds": sensor.minimum_interval_seconds,
        "status": sensor.default_status.value,
        "resources": sorted(sensor.required_resource_keys),
    }


def describe_partitions(partitions: dg.PartitionsDefinition[Any] | None) -> Any:
    match partitions:
        case dg.MultiPartitionsDefinition():
            return {
                dimension.name: describe_partitions(dimension.partitions_def)
                for dimension in partitions.partitions_defs
            }
        case dg.TimeWindowPartitionsDefinition():
            unit, offset = partitions.cron_schedule, partitions.end_offset
            return f"{unit} {partitions.fmt}, end offset {offset}"
        case dg.DynamicPartitionsDefinition():
            return f"dynamic: {partitions.name}"
        case _:
            return None


def describe_backfill_policy(policy: dg.BackfillPolicy | None) -> int | None:
    return policy.max_partitions_per_run if policy else None


def describe_freshness(policy: Any) -> dict[str, str] | None:
    if policy is None:
        return None
    return {
        name: f"{window.to_timedelta() / timedelta(minutes=1):g} minutes"
        for name, window in {"warn": policy.warn_window, "fail": policy.fail_window}.items()
    }


def describe_lineage(lineage: Any) -> dict[str, str]:
    if lineage is None:
        return {}
    return {
        column: ", ".join(f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in deps)
        for column, deps in lineage.deps_by_column.items()
    }


def describe_value(value: Any) -> str:
    """Return the text of a metadata value, without this machine's paths."""
    text = str(getattr(value, "value", value))
    return text.replace(get_settings().lake_raw_url, "{lake_raw_url}")


def by_key(definitions: Iterable[Any]) -> list[Any]:
    return sorted(definitions, key=lambda each: each.key.to_user_string())


def by_name(definitions: Iterable[Any]) -> list[Any]:
    return sorted(definitions, key=lambda each: str(each.name))

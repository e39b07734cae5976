"""Runs in a copy of the project: lists its definitions, or ingests a day of each market."""

import json
import sys

import dagster as dg

from crypto_assets.cli.init import run_init
from crypto_assets.dagster_ext.instance_home import open_instance
from crypto_assets.dagster_ext.run_failures import describe_step_failure
from crypto_assets.definitions import defs
from crypto_assets.settings import get_settings
from crypto_assets_tests.defs.partition_ranges import build_range_tags


def list_names(definitions: dg.Definitions) -> list[str]:
    """List what a code location defines, each with its kind, and what assets have."""
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    return sorted(
        [
            *(f"asset {key.to_user_string()}" for key in graph.get_all_asset_keys()),
            *(
                f"{attribute} of {node.key.to_user_string()}"
                for node in graph.asset_nodes
                for attribute, value in (
                    ("freshness", node.freshness_policy),
                    ("source", node.metadata.get("dagster/code_references")),
                )
                if value
            ),
            *(f"check {key.to_user_string()}" for key in graph.asset_check_keys),
            *(f"job {job.name}" for job in repository.get_all_jobs()),
            *(f"schedule {schedule.name}" for schedule in repository.schedule_defs),
            *(f"sensor {sensor.name}" for sensor in repository.sensor_defs),
            *(f"resource {key}" for key in repository.get_top_level_resources()),
        ]
    )


def ingest_day(instance: dg.DagsterInstance, prefix: str, key: str) -> dict[str, object]:
    """Let a market's sensor add its symbols, and run its backfill of one partition.

    The partition is added in any case, so that a market without stores has a run that fails.
    """
    resources = defs.get_repository_def().get_top_level_resources()
    sensor = defs.get_sensor_def(f"{prefix}symbols")
    needed = {key: resources[key] for key in sensor.required_resource_keys}
    with dg.build_sensor_context(instance, resources=needed) as context:
        ticked = sensor.evaluate_tick(context)
    added = [
        name
        for request in ticked.dynamic_partitions_requests or ()
        for name in request.partition_keys
    ]
    instance.add_dynamic_partitions(f"{prefix}symbols", [key.partition("|")[2]])
    ran = defs.resolve_job_def(f"{prefix}backfill").execute_in_process(
        instance=instance, tags=build_range_tags(key, key), raise_on_error=False
    )
    failures = [describe_step_failure(event) for event in ran.get_step_failure_events()]
    return {"tick": ticked.skip_message, "added": added, "failures": "; ".join(failures)}


def main() -> None:
    if sys.argv[1:] == ["names"]:
        sys.stdout.write(json.dumps(list_names(defs)))
        return
    key, *prefixes = sys.argv[1:]
    run_init()
    with open_instance(get_settings().dagster_home) as instance:
        outcomes = [ingest_day(instance, prefix, key) for prefix in prefixes]
    sys.stdout.write("\n" + json.dumps(outcomes))


if __name__ == "__main__":
    main()

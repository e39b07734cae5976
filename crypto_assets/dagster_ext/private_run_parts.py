"""The private parts of Dagster that runs and their records need."""

from crypto_assets.dagster_ext.private_api import ISSUES, PULLS, PrivatePart

# Dagster plans every partition of a run's range. If the run fails, each planned partition without a
# materialization is shown as failed; a run cannot say which of its partitions have failed.
_PLANNED_PARTITIONS = (
    PrivatePart(
        "dagster._core.events",
        "AssetMaterializationPlannedData",
        "planned partitions",
        f"{ISSUES}/17836",
        parameters=("asset_key", "partition"),
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance.report_dagster_event",
        "planned partitions",
        f"{ISSUES}/17836",
        parameters=("self", "dagster_event", "run_id"),
    ),
    PrivatePart(
        "dagster",
        "AssetExecutionContext",
        "planned partitions",
        f"{ISSUES}/17836",
        attributes=("op_execution_context", "run"),
    ),
)

# Dagster plans every check of a run's assets, and a planned check that the run does not evaluate
# hides the partition's last evaluation. Skippable check specs would replace this.
_PLANNED_CHECKS = (
    PrivatePart(
        "dagster._core.storage.event_log",
        "SqlEventLogStorage",
        "planned checks",
        f"{ISSUES}/28461",
        attributes=("index_connection",),
    ),
    PrivatePart(
        "dagster._core.storage.event_log.schema",
        "AssetCheckExecutionsTable",
        "planned checks",
        f"{ISSUES}/28461",
        columns=("asset_key", "check_name", "run_id", "execution_status"),
    ),
    PrivatePart(
        "dagster._core.storage.asset_check_execution_record",
        "AssetCheckExecutionRecordStatus",
        "planned checks",
        f"{ISSUES}/28461",
        attributes=("PLANNED",),
    ),
)

# `dg.AssetCheckEvaluation` takes the materialization that it refers to, but its class is not
# exported. Dagster fills it in for checks that it executes by itself, which would need a step for
# each check and partition; before the change below it took the newest partition instead.
_CHECK_TARGETS = (
    PrivatePart(
        "dagster._core.definitions.asset_checks.asset_check_evaluation",
        "AssetCheckEvaluationTargetMaterializationData",
        "the target of a check",
        f"{PULLS}/33803",
        parameters=("storage_id", "run_id", "timestamp"),
    ),
)

# Dagster's default launcher does not notice that a process was killed: the run stays STARTED. So
# each run has a tag with its process, and the code server of a run without the tag is asked for it.
# The change describes the prefix, which hides a tag in Dagster's UI.
_RUN_LIVENESS = (
    PrivatePart(
        "dagster._core.storage.tags",
        "HIDDEN_TAG_PREFIX",
        "the owner tag of a run",
        f"{PULLS}/23771",
        value=".dagster/",
    ),
    PrivatePart(
        "dagster._core.storage.tags",
        "GRPC_INFO_TAG",
        "the detection of killed processes",
        f"{ISSUES}/4319",
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance.add_run_tags",
        "the owner tag of a run",
        f"{ISSUES}/4319",
        parameters=("self", "run_id", "new_tags"),
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance.report_run_failed",
        "the detection of killed processes",
        f"{ISSUES}/4319",
        parameters=("self", "dagster_run", "message"),
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance.report_run_canceled",
        "the detection of killed processes",
        f"{ISSUES}/4319",
        parameters=("self", "dagster_run", "message"),
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance",
        "the detection of killed processes",
        f"{ISSUES}/4319",
        attributes=("run_launcher",),
    ),
    PrivatePart(
        "dagster._grpc.client",
        "DagsterGrpcClient",
        "the detection of killed processes",
        f"{ISSUES}/4319",
        parameters=("port", "socket", "host", "use_ssl"),
    ),
    PrivatePart(
        "dagster._grpc.client",
        "DagsterGrpcClient.can_cancel_execution",
        "the detection of killed processes",
        f"{ISSUES}/4319",
        parameters=("self", "can_cancel_execution_request", "timeout"),
    ),
    PrivatePart(
        "dagster._grpc.types",
        "CanCancelExecutionRequest",
        "the detection of killed processes",
        f"{ISSUES}/4319",
        parameters=("run_id",),
    ),
    PrivatePart(
        "dagster._grpc.types",
        "CanCancelExecutionResult",
        "the detection of killed processes",
        f"{ISSUES}/4319",
        parameters=("can_cancel",),
    ),
    PrivatePart(
        "dagster._core.errors",
        "DagsterUserCodeUnreachableError",
        "the detection of killed processes",
        f"{ISSUES}/4319",
    ),
)

# A code server that is stopping refuses to start runs, and Dagster's run queue then fails them for
# good, although it waits for a code server that does not answer at all.
_RUN_LAUNCHER = (
    PrivatePart(
        "dagster._core.errors",
        "DagsterLaunchFailedError",
        "runs that wait for a code server",
        f"{ISSUES}/14154",
    ),
    PrivatePart(
        "dagster._core.launcher",
        "LaunchRunContext",
        "runs that wait for a code server",
        f"{ISSUES}/14154",
    ),
    PrivatePart(
        "dagster",
        "DefaultRunLauncher.launch_run",
        "runs that wait for a code server",
        f"{ISSUES}/14154",
        parameters=("self", "context"),
    ),
)

# Tags that `orchestrator/` and `defs/` write as text, because only this package imports Dagster's
# modules. Most are documented, none is exported. No request to export them was found.
_TAGS = tuple(
    PrivatePart("dagster._core.storage.tags", name, "the tags of runs", value=value)
    for name, value in (
        ("ASSET_PARTITION_RANGE_START_TAG", "dagster/asset_partition_range_start"),
        ("ASSET_PARTITION_RANGE_END_TAG", "dagster/asset_partition_range_end"),
        ("BACKFILL_ID_TAG", "dagster/backfill"),
        ("PARTITION_NAME_TAG", "dagster/partition"),
        ("PRIORITY_TAG", "dagster/priority"),
        ("RETRY_STRATEGY_TAG", "dagster/retry_strategy"),
        ("RUN_KEY_TAG", "dagster/run_key"),
        ("SENSOR_NAME_TAG", "dagster/sensor_name"),
        ("WILL_RETRY_TAG", "dagster/will_retry"),
    )
)

# The daemon reads the failure of a run once, and may read it before the run's status is stored.
_LOST_RETRIES = (
    PrivatePart(
        "dagster._core.storage.tags",
        "AUTO_RETRY_RUN_ID_TAG",
        "retries that the daemon has missed",
    ),
    PrivatePart(
        "dagster._daemon.auto_run_reexecution.event_log_consumer",
        "_create_cursor_key",
        "retries that the daemon has missed",
        parameters=("event_type",),
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance",
        "retries that the daemon has missed",
        attributes=("daemon_cursor_storage", "event_log_storage"),
    ),
    PrivatePart(
        "dagster._core.storage.event_log",
        "EventLogStorage.get_logs_for_all_runs_by_log_id",
        "retries that the daemon has missed",
        parameters=("self", "after_cursor", "dagster_event_type"),
    ),
    PrivatePart(
        "dagster._core.storage.daemon_cursor",
        "DaemonCursorStorage.get_cursor_values",
        "retries that the daemon has missed",
        parameters=("self", "keys"),
    ),
    PrivatePart(
        "dagster._core.storage.daemon_cursor",
        "DaemonCursorStorage.set_cursor_values",
        "retries that the daemon has missed",
        parameters=("self", "pairs"),
    ),
)

# The in-process executor, which ours wraps, is public, but not the function that creates it.
_EXECUTOR = (
    PrivatePart(
        "dagster",
        "ExecutorDefinition",
        "the owner tag of a run",
        attributes=("config_schema", "executor_creation_fn"),
    ),
)

# `dg.define_asset_job` returns this type, which Dagster does not export. No request was found.
_ASSET_JOBS = (
    PrivatePart(
        "dagster._core.definitions.unresolved_asset_job_definition",
        "UnresolvedAssetJobDefinition",
        "the type of a job",
    ),
)

# Dagster has no retention of runs, and `DagsterInstance.delete_run` leaves a run's logs, its SQLite
# file and, in SQLite, its tags.
_RUN_RETENTION = (
    PrivatePart(
        "dagster",
        "DagsterInstance",
        "the deletion of superseded runs",
        f"{ISSUES}/33785",
        attributes=("compute_log_manager", "event_log_storage", "root_directory", "run_storage"),
    ),
    PrivatePart(
        "dagster._core.storage.event_log",
        "EventLogStorage.delete_events",
        "the deletion of superseded runs",
        f"{ISSUES}/33785",
        parameters=("self", "run_id"),
    ),
    PrivatePart(
        "dagster._core.storage.event_log",
        "EventLogStorage.get_latest_storage_id_by_partition",
        "the deletion of superseded runs",
        f"{ISSUES}/33785",
        parameters=("self", "asset_key", "event_type", "partitions"),
    ),
    PrivatePart(
        "dagster._core.storage.event_log",
        "SqliteEventLogStorage.path_for_shard",
        "the deletion of superseded runs",
        f"{ISSUES}/33785",
        parameters=("self", "run_id"),
    ),
    PrivatePart(
        "dagster._core.storage.compute_log_manager",
        "ComputeLogManager.delete_logs",
        "the deletion of superseded runs",
        f"{ISSUES}/4498",
        parameters=("self", "prefix"),
    ),
    PrivatePart(
        "dagster._core.storage.cloud_storage_compute_log_manager",
        "CloudStorageComputeLogManager",
        "the deletion of empty log folders",
        f"{ISSUES}/4498",
        attributes=("local_manager",),
    ),
    PrivatePart(
        "dagster._core.storage.local_compute_log_manager",
        "LocalComputeLogManager.get_captured_local_path",
        "the deletion of empty log folders",
        f"{ISSUES}/4498",
        parameters=("self", "log_key", "extension"),
    ),
    PrivatePart(
        "dagster._core.storage.runs",
        "RunStorage.delete_run",
        "the deletion of superseded runs",
        f"{ISSUES}/33785",
        parameters=("self", "run_id"),
    ),
    PrivatePart(
        "dagster._core.storage.runs",
        "SqliteRunStorage.connect",
        "the deletion of superseded runs",
        f"{ISSUES}/33785",
        parameters=("self",),
    ),
    PrivatePart(
        "dagster._core.storage.runs.schema",
        "RunsTable",
        "the deletion of superseded runs",
        f"{ISSUES}/33785",
        columns=("run_id",),
    ),
    PrivatePart(
        "dagster._core.storage.runs.schema",
        "RunTagsTable",
        "the deletion of superseded runs",
        f"{ISSUES}/33785",
        columns=("run_id",),
    ),
)

# The events of one run, for the reasons of its failure. Dagster documents no method for them; no
# request was found.
_RUN_EVENTS = (
    PrivatePart(
        "dagster",
        "DagsterInstance.get_records_for_run",
        "the reason of a failure",
        parameters=("self", "run_id", "of_type"),
    ),
    PrivatePart(
        "dagster_shared.error",
        "SerializableErrorInfo",
        "the reason of a failure",
        attributes=("cause", "message"),
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance",
        "the alert about a failure",
        attributes=("run_retries_enabled",),
    ),
)

RUN_PARTS = (
    *_PLANNED_PARTITIONS,
    *_PLANNED_CHECKS,
    *_CHECK_TARGETS,
    *_RUN_LIVENESS,
    *_RUN_LAUNCHER,
    *_TAGS,
    *_LOST_RETRIES,
    *_EXECUTOR,
    *_ASSET_JOBS,
    *_RUN_RETENTION,
    *_RUN_EVENTS,
)

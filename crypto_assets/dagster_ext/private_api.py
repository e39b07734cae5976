"""The parts of Dagster that this package uses although they are not public API.

A release of Dagster may change them without notice. They are checked when the package is imported,
so that `crypto-assets init` and the code location report a change in words, instead of an
ImportError or AttributeError in the middle of a run. The tests run with the oldest and with the
newest supported version.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from importlib.metadata import version
from inspect import Signature, get_annotations, signature
from typing import Any

from crypto_assets.errors import UnsupportedDagster

# The versions that the tests run with: `requirements-dagster-oldest.lock` and `requirements.lock`.
OLDEST_DAGSTER = "1.13.0"
NEWEST_DAGSTER = "1.13.27"


@dataclass(frozen=True)
class PrivatePart:
    """A name of Dagster, and what the caller relies on.

    `parameters` are all arguments of the caller's call; `value` is the value of a constant.
    `upstream` is the request that would make the private use unnecessary, or the change that
    describes the behavior; "" if a search in Dagster's issues found neither.
    """

    module: str
    name: str
    used_for: str
    upstream: str = ""
    parameters: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    value: str | None = None


_ISSUES = "https://github.com/dagster-io/dagster/issues"
_PULLS = "https://github.com/dagster-io/dagster/pull"

# Dagster plans every partition of a run's range. If the run fails, each planned partition without a
# materialization is shown as failed; a run cannot say which of its partitions have failed.
_PLANNED_PARTITIONS = (
    PrivatePart(
        "dagster._core.events",
        "AssetMaterializationPlannedData",
        "planned partitions",
        f"{_ISSUES}/17836",
        parameters=("asset_key", "partition"),
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance.report_dagster_event",
        "planned partitions",
        f"{_ISSUES}/17836",
        parameters=("self", "dagster_event", "run_id"),
    ),
    PrivatePart(
        "dagster",
        "AssetExecutionContext",
        "planned partitions",
        f"{_ISSUES}/17836",
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
        f"{_ISSUES}/28461",
        attributes=("index_connection",),
    ),
    PrivatePart(
        "dagster._core.storage.event_log.schema",
        "AssetCheckExecutionsTable",
        "planned checks",
        f"{_ISSUES}/28461",
        columns=("asset_key", "check_name", "run_id", "execution_status"),
    ),
    PrivatePart(
        "dagster._core.storage.asset_check_execution_record",
        "AssetCheckExecutionRecordStatus",
        "planned checks",
        f"{_ISSUES}/28461",
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
        f"{_PULLS}/33803",
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
        f"{_PULLS}/23771",
        value=".dagster/",
    ),
    PrivatePart(
        "dagster._core.storage.tags",
        "GRPC_INFO_TAG",
        "the detection of killed processes",
        f"{_ISSUES}/4319",
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance.add_run_tags",
        "the owner tag of a run",
        f"{_ISSUES}/4319",
        parameters=("self", "run_id", "new_tags"),
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance.report_run_failed",
        "the detection of killed processes",
        f"{_ISSUES}/4319",
        parameters=("self", "dagster_run", "message"),
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance.report_run_canceled",
        "the detection of killed processes",
        f"{_ISSUES}/4319",
        parameters=("self", "dagster_run", "message"),
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance",
        "the detection of killed processes",
        f"{_ISSUES}/4319",
        attributes=("run_launcher",),
    ),
    PrivatePart(
        "dagster._grpc.client",
        "DagsterGrpcClient",
        "the detection of killed processes",
        f"{_ISSUES}/4319",
        parameters=("port", "socket", "host", "use_ssl"),
    ),
    PrivatePart(
        "dagster._grpc.client",
        "DagsterGrpcClient.can_cancel_execution",
        "the detection of killed processes",
        f"{_ISSUES}/4319",
        parameters=("self", "can_cancel_execution_request", "timeout"),
    ),
    PrivatePart(
        "dagster._grpc.types",
        "CanCancelExecutionRequest",
        "the detection of killed processes",
        f"{_ISSUES}/4319",
        parameters=("run_id",),
    ),
    PrivatePart(
        "dagster._grpc.types",
        "CanCancelExecutionResult",
        "the detection of killed processes",
        f"{_ISSUES}/4319",
        parameters=("can_cancel",),
    ),
    PrivatePart(
        "dagster._core.errors",
        "DagsterUserCodeUnreachableError",
        "the detection of killed processes",
        f"{_ISSUES}/4319",
    ),
)

# A code server that is stopping refuses to start runs, and Dagster's run queue then fails them for
# good, although it waits for a code server that does not answer at all.
_RUN_LAUNCHER = (
    PrivatePart(
        "dagster._core.errors",
        "DagsterLaunchFailedError",
        "runs that wait for a code server",
        f"{_ISSUES}/14154",
    ),
    PrivatePart(
        "dagster._core.launcher",
        "LaunchRunContext",
        "runs that wait for a code server",
        f"{_ISSUES}/14154",
    ),
    PrivatePart(
        "dagster",
        "DefaultRunLauncher.launch_run",
        "runs that wait for a code server",
        f"{_ISSUES}/14154",
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
        f"{_ISSUES}/33785",
        attributes=("compute_log_manager", "event_log_storage", "root_directory", "run_storage"),
    ),
    PrivatePart(
        "dagster._core.storage.event_log",
        "EventLogStorage.delete_events",
        "the deletion of superseded runs",
        f"{_ISSUES}/33785",
        parameters=("self", "run_id"),
    ),
    PrivatePart(
        "dagster._core.storage.event_log",
        "EventLogStorage.get_latest_storage_id_by_partition",
        "the deletion of superseded runs",
        f"{_ISSUES}/33785",
        parameters=("self", "asset_key", "event_type", "partitions"),
    ),
    PrivatePart(
        "dagster._core.storage.event_log",
        "SqliteEventLogStorage.path_for_shard",
        "the deletion of superseded runs",
        f"{_ISSUES}/33785",
        parameters=("self", "run_id"),
    ),
    PrivatePart(
        "dagster._core.storage.compute_log_manager",
        "ComputeLogManager.delete_logs",
        "the deletion of superseded runs",
        f"{_ISSUES}/4498",
        parameters=("self", "prefix"),
    ),
    PrivatePart(
        "dagster._core.storage.cloud_storage_compute_log_manager",
        "CloudStorageComputeLogManager",
        "the deletion of empty log folders",
        f"{_ISSUES}/4498",
        attributes=("local_manager",),
    ),
    PrivatePart(
        "dagster._core.storage.local_compute_log_manager",
        "LocalComputeLogManager.get_captured_local_path",
        "the deletion of empty log folders",
        f"{_ISSUES}/4498",
        parameters=("self", "log_key", "extension"),
    ),
    PrivatePart(
        "dagster._core.storage.runs",
        "RunStorage.delete_run",
        "the deletion of superseded runs",
        f"{_ISSUES}/33785",
        parameters=("self", "run_id"),
    ),
    PrivatePart(
        "dagster._core.storage.runs",
        "SqliteRunStorage.connect",
        "the deletion of superseded runs",
        f"{_ISSUES}/33785",
        parameters=("self",),
    ),
    PrivatePart(
        "dagster._core.storage.runs.schema",
        "RunsTable",
        "the deletion of superseded runs",
        f"{_ISSUES}/33785",
        columns=("run_id",),
    ),
    PrivatePart(
        "dagster._core.storage.runs.schema",
        "RunTagsTable",
        "the deletion of superseded runs",
        f"{_ISSUES}/33785",
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

# Opening an instance validates `dagster.yaml` too, but it creates the SQLite files, in a wrong
# folder if the path has a ? or a %. No request for a check of the file alone was found.
_INSTANCE_CONFIG = (
    PrivatePart(
        "dagster._core.instance.ref",
        "InstanceRef.from_dir",
        "the check of dagster.yaml",
        parameters=("base_dir",),
    ),
    PrivatePart(
        "dagster._core.instance.ref",
        "InstanceRef",
        "the check of dagster.yaml",
        attributes=("storage_data",),
    ),
    PrivatePart("dagster._check", "CheckError", "the check of dagster.yaml"),
)

# Dagster's SQLite storage puts the path of its folder into a URL without escaping it. No request to
# escape it was found.
_SQLITE_PATHS = (
    *(
        PrivatePart(
            package,
            f"{module}.create_db_conn_string",
            "a home of any name",
            parameters=("base_dir", "db_name"),
        )
        for package, module in (
            ("dagster._core.storage.event_log.sqlite", "sqlite_event_log"),
            ("dagster._core.storage.runs.sqlite", "sqlite_run_storage"),
            ("dagster._core.storage.schedules.sqlite", "sqlite_schedule_storage"),
        )
    ),
    *(
        PrivatePart(
            package,
            f"{module}get_alembic_config",
            "an installation in a folder of any name",
            parameters=("dunder_file",),
        )
        for package, module in (
            ("dagster._core.storage.sql", ""),
            ("dagster._core.storage.event_log.sqlite", "sqlite_event_log."),
            ("dagster._core.storage.runs.sqlite", "sqlite_run_storage."),
            ("dagster._core.storage.schedules.sqlite", "sqlite_schedule_storage."),
        )
    ),
    PrivatePart(
        "dagster._core.storage.sqlite_storage",
        "DagsterSqliteStorage.from_local",
        "a home of any name",
        parameters=("base_dir", "inst_data"),
    ),
    PrivatePart(
        "dagster._core.storage.sqlite_storage",
        "DagsterSqliteStorage.from_config_value",
        "a home of any name",
        parameters=("inst_data", "config_value"),
    ),
)

# The module that `commands.py` starts. `dagster dev` is public, but also starts a webserver. No
# request for a public module was found.
_COMMANDS = (PrivatePart("dagster._daemon.cli", "main", "the command of the daemon"),)

# Dagster writes JSON in two forms, and starts code servers and runs that write text. No request for
# one format of all processes was found.
_LOGS = (
    PrivatePart("dagster._cli", "main", "the format of logs"),
    PrivatePart("dagster._core.log_manager", "LOG_RECORD_METADATA_ATTR", "the format of logs"),
    *(
        PrivatePart(
            package,
            f"{module}.create_console_logger",
            "the format of logs",
            parameters=("name", "level"),
        )
        for package, module in (
            ("dagster", "_loggers"),
            ("dagster._core.definitions", "instigation_logger"),
        )
    ),
    *(
        PrivatePart(
            package,
            f"{module}.configure_loggers",
            "the format of logs",
            parameters=("handler", "formatter", "log_level"),
        )
        for package, module in (
            ("dagster._cli", "api"),
            ("dagster._cli", "code_server"),
            ("dagster._daemon", "controller"),
        )
    ),
    PrivatePart(
        "dagster._grpc",
        "server.get_python_environment_entry_point",
        "the format of logs",
        parameters=("executable_path",),
    ),
)

# Dagster's webserver has neither a login nor a way to add middleware. Its read-only mode is one for
# all requests, unless the context of a request is created here. `webserver.py` checks the parts of
# the package itself, which takes half a second to import: every run would import it too.
WEBSERVER_PARTS = (
    PrivatePart(
        "dagster_webserver.webserver",
        "DagsterWebserver",
        "access control of the webserver",
        f"{_ISSUES}/2219",
        parameters=("process_context", "live_data_poll_rate"),
        attributes=(
            *("build_graphql_schema", "create_asgi_app", "handle_graphql_errors"),
            "request_context",
        ),
    ),
    PrivatePart(
        "dagster_webserver.version",
        "__version__",
        "access control of the webserver",
        f"{_ISSUES}/2219",
    ),
)

_WEBSERVER_CONTEXT = (
    PrivatePart(
        "dagster._core.workspace.context",
        "WorkspaceProcessContext",
        "access control of the webserver",
        f"{_ISSUES}/2219",
        parameters=("instance", "workspace_load_target", "version"),
        attributes=("create_request_context", "get_current_workspace", "instance", "version"),
    ),
    PrivatePart(
        "dagster._core.workspace.context",
        "WorkspaceRequestContext",
        "access control of the webserver",
        f"{_ISSUES}/2219",
        parameters=(
            "instance",
            "current_workspace",
            "process_context",
            "version",
            "source",
            "read_only",
        ),
    ),
    PrivatePart(
        "dagster._core.workspace.load_target",
        "WorkspaceFileTarget",
        "access control of the webserver",
        f"{_ISSUES}/2219",
        parameters=("paths",),
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance.optimize_for_webserver",
        "access control of the webserver",
        f"{_ISSUES}/2219",
        parameters=("self", "statement_timeout", "pool_recycle", "max_overflow"),
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance.all_instigator_state",
        "the change log of Dagster's pages",
        f"{_ISSUES}/2219",
        parameters=("self",),
    ),
)

# What only Dagster's pages and daemon use need not be computed again by each run. No request to
# export the context was found.
_DEFINITIONS_LOAD = (
    PrivatePart(
        "dagster._core.definitions.definitions_load_context",
        "DefinitionsLoadContext.get",
        "definitions that a run loads",
    ),
    PrivatePart(
        "dagster._core.definitions.definitions_load_context",
        "DefinitionsLoadContext",
        "definitions that a run loads",
        attributes=("load_type",),
    ),
    PrivatePart(
        "dagster._core.definitions.definitions_load_context",
        "DefinitionsLoadType",
        "definitions that a run loads",
        attributes=("RECONSTRUCTION",),
    ),
)

# A run is handed to a worker as Dagster's own Celery launcher does it.
_RUNS_ON_WORKERS = (
    PrivatePart(
        "dagster._grpc.types",
        "ExecuteRunArgs",
        "runs on workers",
        parameters=("job_origin", "run_id", "instance_ref", "set_exit_code_on_failure"),
    ),
    PrivatePart("dagster._serdes", "pack_value", "runs on workers", parameters=("val",)),
    PrivatePart("dagster._serdes", "ConfigurableClassData", "runs on workers"),
    PrivatePart("dagster", "DagsterInstance.get_ref", "runs on workers", parameters=("self",)),
    PrivatePart(
        "dagster",
        "DagsterInstance.report_run_canceling",
        "canceling a run on a worker",
        parameters=("self", "run"),
    ),
    PrivatePart(
        "dagster", "DagsterRun.with_tags", "the queue of a run", parameters=("self", "tags")
    ),
)

# Of dagster-celery, an optional package: checked where it is used.
CELERY_PARTS = (
    PrivatePart("dagster_celery.make_app", "make_app", "runs on workers", parameters=("app_args",)),
    PrivatePart("dagster_celery.config", "TASK_EXECUTE_JOB_NAME", "runs on workers"),
    PrivatePart(
        "dagster_celery.tasks", "create_execute_job_task", "runs on workers", parameters=("celery",)
    ),
    PrivatePart(
        "dagster_celery.launcher",
        "CeleryRunLauncher",
        "runs on workers",
        parameters=("default_queue", "broker", "config_source", "inst_data"),
    ),
    PrivatePart(
        "dagster_celery.launcher",
        "CeleryRunLauncher._launch_celery_task_run",
        "runs on workers",
        parameters=("self", "run", "task_signature", "routing_key"),
    ),
    PrivatePart("dagster_celery.tags", "DAGSTER_CELERY_QUEUE_TAG", "the queue of a run"),
    PrivatePart("dagster_celery.tags", "DAGSTER_CELERY_TASK_ID_TAG", "canceling a run on a worker"),
)

PRIVATE_PARTS = (
    *_PLANNED_PARTITIONS,
    *_PLANNED_CHECKS,
    *_CHECK_TARGETS,
    *_RUN_LIVENESS,
    *_RUN_LAUNCHER,
    *_RUNS_ON_WORKERS,
    *_TAGS,
    *_EXECUTOR,
    *_LOST_RETRIES,
    *_ASSET_JOBS,
    *_RUN_RETENTION,
    *_RUN_EVENTS,
    *_INSTANCE_CONFIG,
    *_SQLITE_PATHS,
    *_COMMANDS,
    *_LOGS,
    *_DEFINITIONS_LOAD,
    *_WEBSERVER_CONTEXT,
    *WEBSERVER_PARTS,
)


def require_private_parts(parts: Iterable[PrivatePart] = PRIVATE_PARTS) -> None:
    """Raise UnsupportedDagster if the installed Dagster lacks a part or has it in another form."""
    require_no_changes([change for part in parts if (change := find_change(part))])


def require_no_changes(changes: Sequence[str]) -> None:
    """Raise UnsupportedDagster with these changes and the versions to install, if there are any."""
    if changes:
        raise UnsupportedDagster(
            f"Dagster {version('dagster')} differs in private parts that crypto-assets uses: "
            f"{'; '.join(changes)}; install a version of Dagster from {OLDEST_DAGSTER} to "
            f"{NEWEST_DAGSTER}, or upgrade crypto-assets"
        )


def find_change(part: PrivatePart) -> str | None:
    """Describe how a part differs from what the caller relies on; None if it does not."""
    name = f"{part.module}.{part.name} (for {part.used_for})"
    try:
        found: Any = reduce(getattr, part.name.split("."), import_module(part.module))
    except (ImportError, AttributeError):
        return f"{name} does not exist"
    if part.parameters and not _accepts(found, part.parameters):
        return f"{name} does not take the arguments {', '.join(part.parameters)}"
    if part.value not in (None, found):
        return f"{name} is {found!r} instead of {part.value!r}"
    existing = {*getattr(found, "columns", {}).keys(), *dir(found)}
    missing = [one for one in part.columns + part.attributes if one not in existing]
    return f"{name} has no {' and no '.join(missing)}" if missing else None


def _accepts(function: Any, arguments: tuple[str, ...]) -> bool:
    """Whether a function or class can be called with exactly these arguments by name."""
    try:
        declared = signature(function)
        if isinstance(function, type) and _takes_anything(declared):
            # Dagster's record classes declare their arguments as annotations only.
            return set(get_annotations(function)) == set(arguments)
        declared.bind(**dict.fromkeys(arguments))
    except (TypeError, ValueError):
        return False
    return True


def _takes_anything(declared: Signature) -> bool:
    kinds = {parameter.kind.name for parameter in declared.parameters.values()}
    return kinds == {"VAR_POSITIONAL", "VAR_KEYWORD"}

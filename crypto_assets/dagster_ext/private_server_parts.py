"""The private parts of Dagster that its servers, daemon and workers need."""

from crypto_assets.dagster_ext.private_api import ISSUES, PrivatePart

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
        f"{ISSUES}/2219",
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
        f"{ISSUES}/2219",
    ),
)

_WEBSERVER_CONTEXT = (
    PrivatePart(
        "dagster._core.workspace.context",
        "WorkspaceProcessContext",
        "access control of the webserver",
        f"{ISSUES}/2219",
        parameters=("instance", "workspace_load_target", "version"),
        attributes=("create_request_context", "get_current_workspace", "instance", "version"),
    ),
    PrivatePart(
        "dagster._core.workspace.context",
        "WorkspaceRequestContext",
        "access control of the webserver",
        f"{ISSUES}/2219",
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
        f"{ISSUES}/2219",
        parameters=("paths",),
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance.optimize_for_webserver",
        "access control of the webserver",
        f"{ISSUES}/2219",
        parameters=("self", "statement_timeout", "pool_recycle", "max_overflow"),
    ),
    PrivatePart(
        "dagster",
        "DagsterInstance.all_instigator_state",
        "the change log of Dagster's pages",
        f"{ISSUES}/2219",
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
    PrivatePart(
        "dagster._core.definitions.definitions_load_context",
        "DefinitionsLoadContext.set",
        "definitions that a run loads",
        parameters=("instance",),
    ),
    PrivatePart(
        "dagster._core.definitions.definitions_load_context",
        "DefinitionsLoadContext._instance",
        "definitions that a run loads",
    ),
)

# Runs are forks of a process that has imported everything. If another release starts them in a
# different way, they only start later. No request for a choice of the start method was found.
_RUN_PROCESSES = (
    PrivatePart(
        "dagster._grpc",
        "server.DagsterApiServer",
        "the start of runs",
        attributes=("StartRun",),
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

# Without those that are checked where they are used.
SERVER_PARTS = (
    *_INSTANCE_CONFIG,
    *_SQLITE_PATHS,
    *_COMMANDS,
    *_LOGS,
    *_WEBSERVER_CONTEXT,
    *_DEFINITIONS_LOAD,
    *_RUN_PROCESSES,
    *_RUNS_ON_WORKERS,
)

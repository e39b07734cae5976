"""The code location that Dagster loads: everything that lies in `defs/`."""

from crypto_assets.python_gc import pause_collections

# Each run imports this in a process of its own.
with pause_collections():
    from crypto_assets import defs as defs_folder
    from crypto_assets.dagster_ext.defs_folder import load_defs_folder
    from crypto_assets.dagster_ext.json_logs import configure_dagster_logs
    from crypto_assets.dagster_ext.run_processes import start_runs_as_forks
    from crypto_assets.defs.common_attributes import add_common_attributes
    from crypto_assets.defs.markets import DEFAULT_MARKET

    # For Dagster's own commands, such as that of a pod of Kubernetes with a run.
    configure_dagster_logs("dagster")
    start_runs_as_forks()
    defs = add_common_attributes(load_defs_folder(defs_folder), DEFAULT_MARKET)

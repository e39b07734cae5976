"""Dagster's command line with our logs: `python -m crypto_assets.dagster_ext.dagster_command …`.

It takes the arguments of `dagster`. Its process and the runs that it starts write their logs as
CRYPTO_LOG_FORMAT says, also before they load the definitions.
"""

from dagster._cli import main

from crypto_assets.dagster_ext.json_logs import configure_dagster_commands, configure_dagster_logs

if __name__ == "__main__":
    configure_dagster_commands("code_server")
    main()  # type: ignore[no-untyped-call]
elif __name__ == "__mp_main__":
    # A run of a code server imports the server's program by this name.
    configure_dagster_logs("run")

"""Dagster's command line with our logs: `python -m crypto_assets.dagster_ext.dagster_command …`.

It takes the arguments of `dagster`. Its process and the runs that it starts write their logs as
CRYPTO_LOG_FORMAT says, also before they load the definitions. A code server records its figures.
"""

import sys

from dagster._cli import main

from crypto_assets.dagster_ext.json_logs import configure_dagster_commands, configure_dagster_logs
from crypto_assets.process_metrics import start_recording

_SERVER_COMMANDS = (["code-server"], ["api", "grpc"])

if __name__ == "__main__":
    configure_dagster_commands("code_server")
    if any(sys.argv[1 : 1 + len(words)] == words for words in _SERVER_COMMANDS):
        start_recording("code_server")
    main()  # type: ignore[no-untyped-call]
elif __name__ == "__mp_main__":
    # A run of a code server imports the server's program by this name.
    configure_dagster_logs("run")

"""Dagster's command line with our logs: `python -m crypto_assets.dagster_ext.dagster_command …`.

It takes the arguments of `dagster`. Its process and the runs that it starts write their logs as
CRYPTO_LOG_FORMAT says, also before they load the definitions. A code server records its figures.
"""

import logging
import sys

from dagster._cli import main

from crypto_assets.dagster_ext.json_logs import configure_dagster_commands, configure_dagster_logs
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.telemetry import start_telemetry

_SERVER_COMMANDS = (["code-server"], ["api", "grpc"])

if __name__ == "__main__":
    configure_dagster_commands("code_server")
    if any(sys.argv[1 : 1 + len(words)] == words for words in _SERVER_COMMANDS):
        try:
            start_telemetry("code_server")
        except CryptoAssetsError as error:
            # The definitions, which need the settings too, and the runs fail with it.
            logging.getLogger("crypto_assets").error("%s", error)
    main()  # type: ignore[no-untyped-call]
elif __name__ == "__mp_main__":
    # A run of a code server imports the server's program by this name.
    configure_dagster_logs("run")

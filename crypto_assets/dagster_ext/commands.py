"""The commands that start Dagster's webserver and daemon.

Both run as modules of this interpreter, because scripts are not always next to it, for example
after `pip install --user`. The webserver is our own entry, with access control, and so is the
daemon, of which one storage has one.
"""

import sys

WEBSERVER_COMMAND = (sys.executable, "-m", "crypto_assets.dagster_ext.webserver")
DAEMON_COMMAND = (sys.executable, "-m", "crypto_assets.dagster_ext.daemon")

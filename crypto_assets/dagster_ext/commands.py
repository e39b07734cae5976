"""The commands that start Dagster's webserver and daemon, as `dagster dev` starts them.

Both run as modules of this interpreter, because the scripts `dagster-webserver` and
`dagster-daemon` are not always next to it, for example after `pip install --user`. The daemon has
no public module.
"""

import sys

WEBSERVER_COMMAND = (sys.executable, "-m", "dagster_webserver")
DAEMON_COMMAND = (sys.executable, "-m", "dagster._daemon")

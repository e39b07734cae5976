"""The daemon that `up` starts, which looks after backfills every few seconds instead of every 30.

A backfill waits for it at its start, between its parts and at its end.
"""

from dagster._daemon import controller

from crypto_assets.dagster_ext.daemon import serve_daemon

controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 4

if __name__ == "__main__":
    serve_daemon()

"""A run that uses the warehouse, the lake, the exchange and a webhook, and fails."""

import os
from concurrent.futures import ThreadPoolExecutor

import dagster as dg

from crypto_assets.dagster_ext.executor import owner_stamping_executor
from crypto_assets.http_client import RequestTimeouts, open_session, send_request
from crypto_assets.lake import S3Options, open_lake
from crypto_assets.warehouse import Warehouse

SECRET = os.environ.get("PLANTED", "")
_INSERT = "INSERT INTO app_settings (name, value, changed_at) VALUES (?, ?, 0)"


def send(url: str) -> None:
    timeouts = RequestTimeouts(5, 5, 5)
    with open_session(url) as session:
        send_request(session, "GET", url, timeouts=timeouts, max_bytes=100)


@dg.op
def load(_: dg.OpExecutionContext) -> None:
    """Use everything, and fail."""
    warehouse = Warehouse(os.environ["WAREHOUSE"])
    database = warehouse._database
    database.run_write(lambda c: c.exec_driver_sql(_INSERT, ("a", SECRET)))
    lake = open_lake("s3://raw", S3Options(os.environ["HOOK"], "key", SECRET))
    assert lake.get_info("k.json") is None
    with ThreadPoolExecutor(1) as pool:
        pool.submit(send, f"{os.environ['HOOK']}/bot{SECRET}/send?token={SECRET}").result()
    send(f"{os.environ['CRYPTO_EXCHANGE_URL']}/api/v3/klines?symbol=BTCUSDT")
    # The error of the driver has the values of the statement.
    database.run_write(lambda c: c.exec_driver_sql(_INSERT, ("a", f"unknown-{SECRET[::-1]}")))


@dg.job(executor_def=owner_stamping_executor, tags={"dagster/partition": "2026-01-31|BTCUSDT"})
def ingest() -> None:
    """The job."""
    load()


if __name__ == "__main__":
    with dg.DagsterInstance.get() as instance:
        dg.execute_job(dg.reconstructable(ingest), instance)

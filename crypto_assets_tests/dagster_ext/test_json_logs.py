"""The logs of runs as JSON lines: a run that fails, with its log and its error.

`stack/test_up.py` and `project/test_one_machine.py` read the logs of all processes.
"""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from crypto_assets.settings import LogFormat

_PROGRAM = """
import logging
import dagster as dg
from crypto_assets.dagster_ext.executor import owner_stamping_executor
from crypto_assets.dagster_ext.json_logs import configure_dagster_logs

configure_dagster_logs("run")

@dg.op
def load(context):
    context.log.warning("two\\nlines")
    dg.get_dagster_logger("some").info("loading")
    logging.getLogger("crypto_assets.lake").warning("skipped")
    raise ValueError("https://anna:hush-hush@host.example does not respond")

@dg.job(executor_def=owner_stamping_executor, tags={"dagster/partition": "2026-01-31|BTCUSDT"})
def ingest():
    load()

if __name__ == "__main__":
    with dg.DagsterInstance.get() as instance:
        dg.execute_job(dg.reconstructable(ingest), instance)
"""


# Without a program that copies the output, which may end before it has copied all.
_CONFIG = """
telemetry: {enabled: false}
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


def run_job(folder: Path, log_format: str) -> str:
    """Run the failing job, and return what its process writes."""
    (folder / "job_of_test.py").write_text(_PROGRAM)
    (folder / "dagster.yaml").write_text(_CONFIG)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(folder),
        "CRYPTO_HOME": str(folder),
        "CRYPTO_LOG_FORMAT": log_format,
    }
    ran = subprocess.run(
        [sys.executable, "job_of_test.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ""
    return ran.stderr


@pytest.mark.slow
def test_the_log_of_a_run_is_lines_with_its_id_job_and_partition(tmp_path: Path) -> None:
    lines = [orjson.loads(line) for line in run_job(tmp_path, LogFormat.JSON).splitlines()]
    assert {line["job"] for line in lines} == {"ingest"}
    assert {line["partition"] for line in lines} == {"2026-01-31|BTCUSDT"}
    assert len({line["run_id"] for line in lines}) == 1
    messages = {line["message"]: line for line in lines}
    assert messages["two\nlines"]["level"] == "WARNING"
    assert messages["two\nlines"]["step"] == "load"
    assert messages["loading"]["step"] == "load"
    assert messages["skipped"]["logger"] == "crypto_assets.lake"
    (failed,) = (line for line in lines if line.get("event") == "STEP_FAILURE")
    assert "ValueError: https://host.example does not respond" in failed["traceback"]


@pytest.mark.slow
def test_without_the_setting_the_log_is_text(tmp_path: Path) -> None:
    assert " - dagster - WARNING - ingest - " in run_job(tmp_path, LogFormat.TEXT)


# The client gets a message from the server that stops, which gRPC writes to stderr itself.
_STOPPED_SERVER = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
import grpc
from crypto_assets.dagster_ext.json_logs import configure_dagster_logs

configure_dagster_logs("code_server")
for _ in range(5):
    server = grpc.server(ThreadPoolExecutor())
    server.add_insecure_port(sys.argv[1])
    server.start()
    with grpc.insecure_channel(sys.argv[1]) as channel:
        grpc.channel_ready_future(channel).result(60)
        server.stop(0).wait()
        time.sleep(0.3)
"""


@pytest.mark.slow
def test_grpc_writes_no_lines_of_its_own(tmp_path: Path) -> None:
    environment = {**os.environ, "CRYPTO_HOME": str(tmp_path), "CRYPTO_LOG_FORMAT": "json"}
    ran = subprocess.run(
        [sys.executable, "-c", _STOPPED_SERVER, f"unix:{tmp_path}/socket"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")

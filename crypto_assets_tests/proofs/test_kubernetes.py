"""Runs as Jobs of Kubernetes, by the launcher of `deploy/kubernetes/dagster.yaml`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
import yaml

from crypto_assets_tests.project.repository import text
from crypto_assets_tests.proofs.served import Served, serve
from crypto_assets_tests.services.dagster_tree import wait_for
from crypto_assets_tests.services.exchange import NOON
from crypto_assets_tests.services.kubernetes_api import Cluster, Pod, serve_cluster

pytestmark = pytest.mark.timeout(900)
SYMBOLS = ("BTCUSDT", "ETHUSDT")
FIRST, LAST = date(2025, 3, 3), date(2025, 3, 4)
DAYS = (FIRST, LAST)
IMAGE = "crypto-assets:1.2.3"
# Less than the timeout of a request, which is retried, so that the run is blocked for minutes.
STALL_SECONDS = 60


@dataclass(frozen=True)
class Clustered:
    served: Served
    cluster: Cluster

    def find_pod(self, run_id: str) -> Pod:
        return self.cluster.pods[f"dagster-run-{run_id}"]

    def find_started(self, symbol: str) -> list[dict[str, Any]]:
        """Find the runs of a symbol whose process has begun to execute."""
        return [
            run
            for run in self.served.tree.runs()
            if run["status"] == "STARTED" and symbol in str(run["tags"])
        ]


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clustered]:
    """Dagster's processes with only the sensor `left_runs` running."""
    folder = tmp_path_factory.mktemp("kubernetes")
    with serve(folder, NOON, SYMBOLS=",".join(SYMBOLS), START_DATE=str(FIRST)) as served:
        desk = served.tree.desk
        home = desk.home / "dagster"
        with serve_cluster(folder, desk.environment) as cluster:
            file = home / "dagster.yaml"
            config = yaml.safe_load(file.read_text())
            shipped = yaml.safe_load(text("deploy/kubernetes/dagster.yaml"))
            here = {
                "load_incluster_config": False,
                "kubeconfig_file": str(cluster.kubeconfig),
                "dagster_home": str(home),
            }
            config["run_launcher"] = shipped["run_launcher"]
            config["run_launcher"]["config"] |= here
            file.write_text(yaml.safe_dump(config))
            desk.environment.update(POD_NAMESPACE="crypto-assets", DAGSTER_CURRENT_IMAGE=IMAGE)
            served.tree.start_webserver()
            served.tree.switch_all(running=False, but=("left_runs",))
            served.tree.start_daemon()
            yield Clustered(served, cluster)
            served.tree.kill_all()


def test_a_backfill_outlives_the_loss_of_a_pod(clustered: Clustered) -> None:
    served, cluster = clustered.served, clustered.cluster
    faults = served.exchange.faults
    faults.add_rule({"do": "stall", "seconds": STALL_SECONDS, "symbol": "BTCUSDT"})
    backfill = served.launch([f"{day}|{symbol}" for day in DAYS for symbol in SYMBOLS])
    (lost,) = wait_for(lambda: clustered.find_started("BTCUSDT"))
    wait_for(lambda: any(faults.hit_counts))
    pod = clustered.find_pod(lost["runId"])
    pod.kill()
    faults.clear_rules()
    assert served.ended(backfill).status == "COMPLETED_SUCCESS"
    for symbol in SYMBOLS:
        assert served.minutes(symbol, FIRST, LAST) == 1440 * len(DAYS)
    served.verify(FIRST, LAST)
    runs = served.tree.runs()
    family = [run["status"] for run in runs if lost["runId"] in (run["runId"], run["rootRunId"])]
    assert family == ["SUCCESS", "FAILURE"]
    assert {pod.name for pod in cluster.pods.values()} == {
        f"dagster-run-{r['runId']}" for r in runs
    }
    assert not any(pod.is_active for pod in cluster.pods.values())


def test_the_pods_of_runs_have_no_rights_and_the_image_of_the_code_server(
    clustered: Clustered,
) -> None:
    for pod in clustered.cluster.pods.values():
        spec = pod.job["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        assert container["image"] == IMAGE
        assert spec["serviceAccountName"] == "runs"
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"] == {"memory": "1Gi"}
        assert container["envFrom"] == [{"configMapRef": {"name": "settings"}}]
        secrets = next(volume for volume in spec["volumes"] if volume["name"] == "secrets")
        names = {item["path"] for item in secrets["secret"]["items"]}
        files = {one["value"] for one in container["env"] if one["name"].endswith("_FILE")}
        assert files == {f"/run/secrets/{name}" for name in names}
        assert pod.job["spec"]["backoffLimit"] == 0

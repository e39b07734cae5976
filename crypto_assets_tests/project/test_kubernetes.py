"""The manifests of `deploy/kubernetes` are valid, and agree with the other sizes."""

import re
import sys
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import yaml
from kubernetes_validate import ValidationError, validate

from crypto_assets.settings import Settings
from crypto_assets_tests.project.repository import ROOT, text
from crypto_assets_tests.services.programs import run_program

FOLDER = ROOT / "deploy" / "kubernetes"
# The oldest one that its developers still support, and the newest.
VERSIONS = ("1.34", "1.37")
SERVERS = {"webserver", "app", "api"}
Manifest = dict[str, Any]


def copy_with_secrets(folder: Path) -> Path:
    """Copy the manifests below `folder`, with random secrets."""
    copied = folder / "kubernetes"
    copytree(FOLDER, copied, ignore=lambda *_: {"secrets"})
    run_program(["sh", ROOT / "deploy" / "write-secrets.sh", copied / "secrets"])
    return copied


def build(folder: Path) -> list[Manifest]:
    """Return what `kubectl apply -k` sends."""
    kubectl = Path(sys.executable).with_name("kubectl")
    return list(yaml.safe_load_all(run_program([kubectl, "kustomize", folder]).stdout))


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    return build(copy_with_secrets(tmp_path_factory.mktemp("manifests")))


def find(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] == kind}


def list_pods(manifests: list[Manifest]) -> dict[str, dict[str, Any]]:
    """Return the specification of each pod by the name of its service."""
    found = {}
    for one in manifests:
        if one["kind"] in ("Deployment", "Job"):
            found[one["metadata"]["name"]] = one["spec"]["template"]["spec"]
        elif one["kind"] == "CronJob":
            template = one["spec"]["jobTemplate"]["spec"]["template"]
            found[one["metadata"]["name"]] = template["spec"]
    return found


def list_containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["containers"], *pod.get("initContainers", [])]


def list_secrets(pod: dict[str, Any], volume: str) -> set[str]:
    (found,) = (each for each in pod["volumes"] if each["name"] == volume)
    return {item["key"] for item in found["secret"]["items"]}


def test_the_manifests_match_the_schemas(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        for version in VERSIONS:
            validate(manifest, version, strict=True)
    broken = find(manifests, "Deployment")["code"]
    broken = {**broken, "spec": {**broken["spec"], "replicaz": 1}}
    with pytest.raises(ValidationError):
        validate(broken, VERSIONS[-1], strict=True)
    assert {one["metadata"].get("namespace") for one in manifests} == {None, "crypto-assets"}


def test_every_service_of_the_one_machine_size_is_there(manifests: list[Manifest]) -> None:
    services = yaml.safe_load(text("docker-compose.yml"))["services"]
    ours = {name for name, one in services.items() if one.get("build") is not None}
    # Runs have pods of their own, so that no workers wait for them.
    assert set(list_pods(manifests)) == ours - {"simulator", "worker-ticks", "worker-backfills"}
    for name, pod in list_pods(manifests).items():
        service = services[name]
        command = " ".join(pod["containers"][0]["command"])
        if name != "code":  # It listens in one of several networks there.
            assert all(word in command for word in service["command"]), name
        assert pod["containers"][0]["image"] == f"{service['image']}:latest"
        secrets = set(service["secrets"])
        assert list_secrets(pod, "secrets") == secrets, name


def test_pods_have_no_rights_that_they_do_not_need(manifests: list[Manifest]) -> None:
    """As Kubernetes' standard `restricted` demands, which the namespace enforces."""
    for name, pod in list_pods(manifests).items():
        context = pod["securityContext"]
        assert context["runAsNonRoot"] and context["runAsUser"] == 10001
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        reaches_kubernetes = name in ("daemon", "webserver")
        assert pod["automountServiceAccountToken"] is reaches_kubernetes
        assert pod.get("serviceAccountName") == ("launcher" if reaches_kubernetes else None)
        for container in list_containers(pod):
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]


def test_a_container_reads_the_secrets_that_it_has(manifests: list[Manifest]) -> None:
    known = set(find(manifests, "Secret")["secrets"]["data"])
    for name, pod in list_pods(manifests).items():
        for container in list_containers(pod):
            mount = next(m for m in container["volumeMounts"] if m["mountPath"] == "/run/secrets")
            names = list_secrets(pod, mount["name"])
            files = {one["value"] for one in container["env"] if one["name"].endswith("_FILE")}
            assert files == {f"/run/secrets/{key}" for key in names}, name
            assert names <= known
    operators = {
        n
        for n, pod in list_pods(manifests).items()
        if "operator_token" in list_secrets(pod, "secrets")
    }
    assert operators == SERVERS | {"init"}


def test_only_those_that_launch_runs_reach_the_code_server(manifests: list[Manifest]) -> None:
    policies = find(manifests, "NetworkPolicy")
    assert policies["closed"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    (rule,) = policies["code"]["spec"]["ingress"]
    (peer,) = rule["from"]
    (expression,) = peer["podSelector"]["matchExpressions"]
    assert set(expression["values"]) == {"daemon", "webserver"}
    (selected,) = policies["servers"]["spec"]["podSelector"]["matchExpressions"]
    assert set(selected["values"]) == SERVERS
    for name, service in find(manifests, "Service").items():
        (port,) = service["spec"]["ports"]
        pod = list_pods(manifests)[name]
        assert pod["containers"][0]["ports"] == [{"containerPort": port["port"]}]
        assert service["spec"].get("type", "ClusterIP") == "ClusterIP", "no port of the node"


def test_settings_are_known_and_dagster_is_that_of_the_other_sizes(
    manifests: list[Manifest],
) -> None:
    maps = find(manifests, "ConfigMap")
    known = {f"CRYPTO_{name.upper()}" for name in Settings.model_fields}
    own = {name for name in maps["settings"]["data"] if name.startswith("CRYPTO_")}
    assert own <= known
    shared = yaml.safe_load(text("deploy/dagster.yaml"))
    ours = yaml.safe_load(maps["dagster"]["data"]["dagster.yaml"])
    launcher = ours.pop("run_launcher")
    assert launcher["class"] == "K8sRunLauncher"
    del shared["run_launcher"]
    assert ours == shared
    assert yaml.safe_load(maps["dagster"]["data"]["workspace.yaml"]) == yaml.safe_load(
        text("deploy/workspace.yaml")
    )
    image = list_pods(manifests)["code"]["containers"][0]
    (current,) = (one for one in image["env"] if one["name"] == "DAGSTER_CURRENT_IMAGE")
    assert current["value"] == image["image"] == "crypto-assets-runs:latest"


def test_an_overlay_changes_image_and_settings(tmp_path: Path) -> None:
    """By the example of docs/kubernetes.md."""
    page = text("docs/kubernetes.md")
    example = re.search(r"```yaml\n(# my-cluster/kustomization\.yaml\n.*?)```", page, re.DOTALL)
    assert example
    copy_with_secrets(tmp_path)
    overlay = tmp_path / "my-cluster"
    overlay.mkdir()
    overlay.joinpath("kustomization.yaml").write_text(
        example[1].replace("../crypto-assets/deploy/kubernetes", "../kubernetes")
    )
    manifests = build(overlay)
    for manifest in manifests:
        validate(manifest, VERSIONS[-1], strict=True)
    images = {c["image"] for pod in list_pods(manifests).values() for c in list_containers(pod)}
    names = ("crypto-assets", "crypto-assets-runs")
    assert images == {f"registry.example.com/{name}:0.1.0" for name in names}
    settings = find(manifests, "ConfigMap")["settings"]["data"]
    assert settings["CRYPTO_SYMBOLS"] == "BTCUSDT,ETHUSDT,SOLUSDT"
    assert settings["DAGSTER_MYSQL_HOST"] == "mysql.example.com"
    (code,) = list_pods(manifests)["code"]["containers"]
    (current,) = (one for one in code["env"] if one["name"] == "DAGSTER_CURRENT_IMAGE")
    assert current["value"] == code["image"], "runs have it too"

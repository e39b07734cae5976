"""The part of the Kubernetes API that launches Jobs, for tests without a cluster.

The pod of a Job is a process group of this machine with a host name of its own. It runs the command
of the Job's container with the environment of the test instead of the image's.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from kubernetes_validate import ValidationError, validate

from crypto_assets_tests.services.lifetime import with_parent

_VERSION = "1.37"
_JOBS = re.compile(r"/apis/batch/v1/namespaces/([^/]+)/jobs(?:/([^/]+))?(?:/status)?")
_PODS = re.compile(r"/api/v1/namespaces/([^/]+)/pods(?:/([^/]+))?")
_Answer = tuple[int, dict[str, Any]]


@dataclass
class Pod:
    """A Job and its only pod, which has the Job's name."""

    job: dict[str, Any]
    process: "subprocess.Popen[bytes]"

    @property
    def name(self) -> str:
        return str(self.job["metadata"]["name"])

    @property
    def is_active(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """Kill all processes of the pod, as the loss of its node does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def describe_job(self) -> dict[str, Any]:
        code = self.process.poll()
        status = {"active": 1} if code is None else {"failed" if code else "succeeded": 1}
        return {**self.job, "status": status}

    def describe(self) -> dict[str, Any]:
        phase = "Running" if self.is_active else "Failed" if self.process.poll() else "Succeeded"
        metadata = {"name": self.name, "labels": {"job-name": self.name}}
        spec = self.job["spec"]["template"]["spec"]
        return {"metadata": metadata, "spec": spec, "status": {"phase": phase}}


@dataclass
class Cluster:
    """The pods of all Jobs, in the order of their creation, also those that have ended."""

    environment: Mapping[str, str]
    log: Path
    pods: dict[str, Pod] = field(default_factory=dict)
    kubeconfig: Path = Path()

    def create_job(self, namespace: str, job: dict[str, Any]) -> _Answer:
        try:
            validate({**job, "apiVersion": "batch/v1", "kind": "Job"}, _VERSION, strict=True)
        except ValidationError as error:
            return 422, {"message": str(error)}
        name = job["metadata"]["name"]
        if name in self.pods:
            return 409, {"message": f"jobs.batch {name} already exists"}
        job["metadata"]["namespace"] = namespace
        self.pods[name] = Pod(job, self._start(name, job["spec"]["template"]["spec"]))
        return 201, self.pods[name].describe_job()

    def _start(self, name: str, spec: dict[str, Any]) -> "subprocess.Popen[bytes]":
        (container,) = spec["containers"]
        own = {each["name"]: each["value"] for each in container["env"] if "value" in each}
        # Files of secrets are mounted in a cluster; here the environment has their content.
        own = {key: value for key, value in own.items() if not value.startswith("/run/secrets/")}
        # As in the image, the programs of the virtual environment come first.
        path = f"{Path(sys.executable).parent}{os.pathsep}{self.environment['PATH']}"
        command = [*container.get("command", []), *container.get("args", [])]
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', name, *command]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*with_parent(), *named],
                env={**own, **self.environment, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def answer(self, method: str, target: str, body: dict[str, Any]) -> _Answer:
        """Answer a request by status and JSON body."""
        url = urlsplit(target)
        if found := _JOBS.fullmatch(url.path):
            namespace, name = found.groups()
            if method == "POST":
                return self.create_job(namespace, body)
            pod = self.pods.get(name or "")
            if pod is None:
                return 404, {"message": f"jobs.batch {name} not found"}
            if method == "DELETE":
                os.killpg(pod.process.pid, signal.SIGTERM)
            return 200, pod.describe_job()
        if found := _PODS.fullmatch(url.path):
            _, name = found.groups()
            selector = parse_qs(url.query).get("labelSelector", [""])[0]
            wanted = name or selector.removeprefix("job-name=")
            pods = [pod.describe() for pod in self.pods.values() if pod.name == wanted]
            if name:
                return (200, pods[0]) if pods else (404, {"message": f"pods {name} not found"})
            return 200, {"items": pods}
        return 200, {"items": []}  # events


@contextmanager
def serve_cluster(folder: Path, environment: Mapping[str, str]) -> Iterator[Cluster]:
    """Serve the API; `kubeconfig` of the cluster is the file that clients read."""
    cluster = Cluster(environment, folder / "pods.log")

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length) or b"{}")
            status, answer = cluster.answer(self.command, self.path, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _handle

        def log_message(self, *_: object) -> None:
            pass

    # One thread for all requests: a process of `with_parent` ends with the thread that starts it.
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    cluster.kubeconfig = folder / "kubeconfig"
    cluster.kubeconfig.write_text(_build_kubeconfig(f"http://127.0.0.1:{server.server_port}"))
    try:
        yield cluster
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        for pod in cluster.pods.values():
            if pod.is_active:
                pod.kill()


def _build_kubeconfig(url: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": url}}],
            "users": [{"name": "test", "user": {}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
    )

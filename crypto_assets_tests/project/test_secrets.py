"""The secrets of the containers: who gets which, and how they are read and written."""

import os
import re
import subprocess
from pathlib import Path
from shutil import copytree, which
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from crypto_assets_tests.project.conftest import Checkout
from crypto_assets_tests.project.repository import ROOT, text

# Who needs which secret.
WAREHOUSE, CHARTS = "warehouse_url", "warehouse_read_url"
S3, DAGSTER = "s3_credentials", "dagster_password"
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
    other = write_secrets(MYSQL_HOST="db.example", MYSQL_PORT="3307")
    for name, user in (("warehouse_url", "crypto"), ("warehouse_read_url", "crypto_read")):
        password = first[f"{user}_password"]
        assert other[name] == f"mysql+pymysql://{user}:{password}@db.example:3307/crypto"
    assert write_secrets(MYSQL_PASSWORD="mine")["crypto_password"] == "mine"
    with pytest.raises(subprocess.CalledProcessError):
        write_secrets(MYSQL_PASSWORD="it's")


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

"""The images of the containers: what they contain, and how they are built and pinned."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from typing import Any

from dotenv import dotenv_values

from crypto_assets_tests.containers.stand_ins import TARGETS
from crypto_assets_tests.project.conftest import OUR_IMAGES, WORKERS
from crypto_assets_tests.project.repository import ROOT, files, text
from crypto_assets_tests.project.test_make import run_make
from crypto_assets_tests.services.programs import run_program


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

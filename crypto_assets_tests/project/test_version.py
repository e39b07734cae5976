"""`pyproject.toml` has the version; everything that shows one reads it from there."""

import re
import tomllib

import pytest
import yaml
from click.testing import CliRunner

from crypto_assets import __version__
from crypto_assets.cli.command_group import crypto_assets
from crypto_assets.http_client import RequestTimeouts, open_session, send_request
from crypto_assets_tests.project.repository import files, name, text
from crypto_assets_tests.project.test_make import run_make
from crypto_assets_tests.services.scripted import Answer, scripted


@pytest.fixture(scope="module")
def version() -> str:
    return str(tomllib.loads(text("pyproject.toml"))["project"]["version"])


def test_the_package_has_the_version(version: str) -> None:
    assert __version__ == version, "run `make setup`, which installs the project again"


def test_the_command_prints_the_version(version: str) -> None:
    ran = CliRunner().invoke(crypto_assets, ["--version"])
    assert (ran.exit_code, ran.output) == (0, f"crypto-assets, version {version}\n")


def test_requests_name_program_and_version(version: str) -> None:
    with scripted(lambda _: Answer()) as server, open_session(server.url) as session:
        send_request(
            session, "GET", server.url, timeouts=RequestTimeouts(10, 10, 10), max_bytes=100
        )
        (request,) = server.requests
    assert request.headers["User-Agent"] == f"crypto-assets/{version}"


def test_the_image_is_labeled_with_the_version() -> None:
    build = yaml.safe_load(text("docker-compose.yml"))["x-ours"]["build"]
    assert build["args"]["VERSION"] == "${CRYPTO_ASSETS_VERSION:-}"
    last_stage = text("Dockerfile").split("\nFROM ")[-1]
    assert 'org.opencontainers.image.version="$VERSION"' in last_stage


def test_make_passes_the_version_to_the_image(version: str) -> None:
    planned = run_make("-n", "up").stdout
    assert f"\nCRYPTO_ASSETS_VERSION={version} docker compose up --build\n" in planned
    planned = run_make("-n", "image").stdout
    assert planned.startswith(f"docker build --build-arg VERSION={version} ")
    assert planned.endswith(" --tag crypto-assets .\n")


def test_no_other_file_has_the_version(version: str) -> None:
    quoted = re.compile(rf"[\"'=/ -]{re.escape(version)}(?![.\d\w-])")
    sources = files("crypto_assets", "streamlit_app", "deploy", "Dockerfile", "Makefile", "*.yml")
    found = [
        name(path) for path in sources if path.suffix != ".svg" and quoted.search(path.read_text())
    ]
    assert found == []

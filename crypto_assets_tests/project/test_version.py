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
    build = yaml.safe_load(text("docker-compose.yml"))["x-build"]
    assert build["args"]["VERSION"] == "${CRYPTO_ASSETS_VERSION:-}"
    (labeled,) = [one for one in text("Dockerfile").split("\nFROM ") if "\nLABEL " in one]
    assert 'org.opencontainers.image.version="$VERSION"' in labeled


def test_make_passes_the_version_to_the_image(version: str) -> None:
    planned = run_make("-n", "up").stdout
    command = "docker compose $(sh deploy/compose-files.sh) up --build"
    assert f"\nCRYPTO_ASSETS_VERSION={version} {command}\n" in planned
    planned = run_make("-n", "image").stdout
    assert planned.endswith(f"sh deploy/build-images.sh {version}\n")
    assert '--build-arg VERSION="$1"' in text("deploy/build-images.sh")


def test_no_other_file_has_the_version(version: str) -> None:
    quoted = re.compile(rf"[\"'=/ -]{re.escape(version)}(?![.\d\w-])")
    sources = files("crypto_assets", "streamlit_app", "deploy", "Dockerfile", "Makefile", "*.yml")
    found = [
        name(path) for path in sources if path.suffix != ".svg" and quoted.search(path.read_text())
    ]
    assert found == []

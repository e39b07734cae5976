"""The parts of `make test-containers` that need no container."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from crypto_assets_tests.containers.compose_stack import (
    ComposeStack,
    copy_project,
    sort_by_dependencies,
)
from crypto_assets_tests.containers.scenario import SETTINGS
from crypto_assets_tests.containers.stand_ins import STAND_INS, TARGETS, name_image, read_default
from crypto_assets_tests.project.compose import interpolate
from crypto_assets_tests.project.repository import ROOT, text

IMAGES = Path(__file__).parent / "images"


def test_services_start_after_those_that_they_depend_on() -> None:
    stack = ComposeStack(ROOT)
    order = list(stack.services)
    assert set(order) == set(read_services()) - {"backup"}
    for name, service in stack.services.items():
        for waited_for in service.get("depends_on", {}):
            assert order.index(waited_for) < order.index(name), name
    assert stack.lasting == [name for name in order if name not in {"init", "lake-user"}]


def test_services_that_wait_for_each_other_are_an_error() -> None:
    circle = {"a": {"depends_on": {"b": {}}}, "b": {"depends_on": {"a": {}}}, "c": {}}
    with pytest.raises(AssertionError, match=r"\['a', 'b'\]"):
        sort_by_dependencies(circle)


def test_every_image_of_others_has_a_stand_in() -> None:
    wanted = {interpolate(one["image"], {}) for one in read_services().values()}
    wanted |= set(re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", text("Dockerfile"), re.MULTILINE))
    provided = {read_default(one.variable) for one in STAND_INS}
    assert wanted == provided | {"crypto-assets", "crypto-assets-runs"}
    for stand_in in STAND_INS:
        assert (IMAGES / stand_in.folder / "Dockerfile").is_file()
    stages = re.findall(r"^FROM \S+ AS (\S+)$", text("Dockerfile"), re.MULTILINE)
    assert set(TARGETS) <= set(stages)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("mysql:8.4", "localhost/mysql:8.4"),
        ("someone/mysql:8.4", "localhost/someone/mysql:8.4"),
        ("quay.io/minio/minio:R", "quay.io/minio/minio:R"),
    ],
)
def test_images_have_the_names_that_podman_gives_them(short: str, full: str) -> None:
    assert name_image(short) == full


def test_the_stand_ins_take_what_the_compose_file_passes() -> None:
    services = read_services()
    lake, proxy = services["lake"], services["proxy"]
    assert f'"$*" = "{lake["command"]}"' in read_image("lake/entrypoint.sh")
    health = " ".join(lake["healthcheck"]["test"][2:])
    assert repr(health.partition(" ")[2]).strip("'") in read_image("lake/curl")
    assert "MINIO_ROOT_PASSWORD_FILE" in lake["environment"]
    assert proxy["healthcheck"]["test"][1:5] == ["wget", "-q", "-O", "/dev/null"]
    asked = re.findall(r"^mc (--quiet admin .+?)(?: <| \|\| \{|$)", text(CREATE_USER), re.MULTILINE)
    assert len(asked) == 3
    for arguments in asked:
        assert f'"{arguments}")' in read_image("lake/mc.sh"), arguments


CREATE_USER = "deploy/lake/create-user.sh"


def test_the_project_is_copied_without_settings_of_the_developer(tmp_path: Path) -> None:
    copy_project(tmp_path)
    assert not (tmp_path / ".env").exists() and not (tmp_path / ".secrets").exists()
    assert (tmp_path / "Dockerfile").read_text() == text("Dockerfile")
    assert set(SETTINGS) <= set(re.findall(r"\$\{(\w+)", text("docker-compose.yml")))


@pytest.mark.parametrize("script", sorted(IMAGES.rglob("*.sh")), ids=lambda path: path.name)
def test_the_entry_scripts_can_be_parsed(script: Path) -> None:
    shell = script.read_text().partition("\n")[0].rpartition("/")[2]
    subprocess.run([shell, "-n", str(script)], check=True)


def read_services() -> dict[str, dict[str, Any]]:
    """Return the services without the workers, which `make test-containers` leaves out."""
    services: dict[str, dict[str, Any]] = yaml.safe_load(text("docker-compose.yml"))["services"]
    return {
        name: service
        for name, service in services.items()
        if "workers" not in service.get("profiles", [])
    }


def read_image(relative: str) -> str:
    return (IMAGES / relative).read_text()

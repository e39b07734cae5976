"""Builds distributions from copies of the repository's files."""

import os
import shutil
import sys
from pathlib import Path

from crypto_assets_tests.project.repository import files, name
from crypto_assets_tests.services.programs import run_program

# Any commit's time will do.
_COMMIT_TIME = "1741262430"


def copy_sources(target: Path) -> Path:
    """Copy the files that git tracks, or would, to a new folder."""
    for path in files():
        copied = target / name(path)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copied)
    return target


def build_distributions(
    source: Path, target: Path, *options: str, umask: int = 0o022, **environment: str
) -> None:
    """Run `python -m build` with the installed build system; `options` are its own."""
    run_program(
        [sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", target, source],
        env={**os.environ, "SOURCE_DATE_EPOCH": _COMMIT_TIME, **environment},
        umask=umask,
    )


def find_wheel(folder: Path) -> Path:
    (wheel,) = folder.glob("*.whl")
    return wheel


def find_source_distribution(folder: Path) -> Path:
    (archive,) = folder.glob("*.tar.gz")
    return archive

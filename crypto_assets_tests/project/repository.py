"""The repository's files according to git."""

import shutil
from pathlib import Path

from crypto_assets_tests.services.programs import run_program

ROOT = Path(__file__).resolve().parents[2]


def files(*patterns: str) -> list[Path]:
    """List files that are tracked, or new and not ignored; `patterns` are git's, e.g. `*.py`."""
    # Accept a checkout that belongs to another user, as in CI.
    git = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    selected = ["--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = run_program([*git, *selected], cwd=ROOT).stdout
    found = {ROOT / name for name in listed.split("\0") if name}
    return sorted(path for path in found if path.is_file())


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder with its bytecode, so that programs need not compile the copy's modules."""
    # The bytecode files that another process is writing have such names.
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.pyc.*"))


def text(relative: str) -> str:
    return (ROOT / relative).read_text()

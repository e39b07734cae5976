"""Where the files of this installation are: in a clone of the repository, or from a wheel.

A wheel has the repository's files outside the package, such as the app and `dagster.yaml`, in
`crypto_assets/project_files/`, under the same relative paths.
"""

import os
from importlib.metadata import version
from pathlib import Path

from crypto_assets.errors import IncompleteInstallation, WrongUse

# `pyproject.toml` sets it.
VERSION = version("crypto-assets")

_PACKAGE = Path(__file__).resolve().parent
_WHEEL_FILES = _PACKAGE / "project_files"
IS_WHEEL = _WHEEL_FILES.is_dir()

# `crypto-assets up` sets it for the programs that it starts in another folder.
BASE_FOLDER_VARIABLE = "CRYPTO_BASE_FOLDER"

# The folder of `streamlit_app`, `docs`, `dagster.yaml` and `workspace.yaml`.
PROJECT_ROOT = _WHEEL_FILES if IS_WHEEL else _PACKAGE.parent


def find_project_file(relative: str) -> Path:
    """Return the path of a file under PROJECT_ROOT. Raises IncompleteInstallation."""
    path = PROJECT_ROOT / relative
    if not path.is_file():
        raise IncompleteInstallation(
            f"{path} is missing: the installation of crypto-assets is incomplete, install it again"
        )
    return path


def find_base_folder() -> Path:
    """Return the folder of `.env`, to which CRYPTO_HOME is relative.

    It is the clone, or, if the package was installed from a wheel, the current folder: that of
    `crypto-assets up` in the programs that it starts. Raises WrongUse if that no longer exists.
    """
    if folder := os.environ.get(BASE_FOLDER_VARIABLE):
        return Path(folder)
    if not IS_WHEEL:
        return PROJECT_ROOT
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise WrongUse("the current folder no longer exists: change to another one") from None


def describe_document(relative: str) -> str:
    """Return where a reader finds a page of `docs/`: relative in a clone, else the full path."""
    return str(PROJECT_ROOT / relative) if IS_WHEEL else relative

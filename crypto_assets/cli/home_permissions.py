"""Keeps a home, with its secrets and logs, from the other users of the machine."""

import os
from contextlib import suppress
from pathlib import Path

from crypto_assets.addresses import expand_user
from crypto_assets.settings import Settings

# Only the owner reads and writes what this process and its child processes create.
_UMASK = 0o077
# Of a directory that users share, such as /tmp: the sticky bit, or writable by all.
_SHARED_BITS = 0o1002


def restrict_home(settings: Settings) -> None:
    """Make the home and Dagster's home private to their owner, whether they exist or not.

    Nothing below them can be reached then. A directory that all users share stays as it is, and so
    does what another user owns or a file system does not let change. A lake outside the home is
    created with the user's own umask, and its objects follow its permissions.
    """
    _create_lakes_elsewhere(settings)
    os.umask(_UMASK)
    for folder in (settings.home, settings.dagster_home):
        if folder.is_dir():
            _restrict_folder(folder)


def _create_lakes_elsewhere(settings: Settings) -> None:
    for url in (settings.lake_raw_url, settings.lake_archive_url):
        folder = expand_user(Path(url)).absolute()
        if "://" not in url and settings.home.absolute() not in folder.parents:
            # The error is reported when the lake is used.
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)


def _restrict_folder(folder: Path) -> None:
    state = folder.stat()
    if state.st_uid != os.geteuid() or state.st_mode & _SHARED_BITS:
        return
    try:
        folder.chmod(state.st_mode & 0o700)
        for path in [*folder.iterdir(), *(folder / "logs").glob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o700)
    except OSError:
        return  # such as a read-only file system, whose owner has chosen the permissions

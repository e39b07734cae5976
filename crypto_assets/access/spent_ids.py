"""Ids that must not be used again: of one-time codes, and of sessions that were locked.

Servers with the same home share them through files in it, which also survive a restart. Where the
home cannot be written, each server remembers locked sessions alone, and no code is accepted.
"""

import logging
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock

from crypto_assets.access.signatures import SESSION_SECONDS

_log = logging.getLogger(__name__)

_FOLDER = "spent-ids"


class IdNotRemembered(Exception):
    """The home cannot be written, so that other servers, or this one after a restart, forget it."""


class SpentIds:
    """Remembers ids in files of a folder in `home`, None for memory only. Thread-safe."""

    def __init__(self, home: Path | None = None) -> None:
        self._folder = home and home / _FOLDER
        self._remembered: set[str] = set()
        self._lock = Lock()

    def spend(self, spent_id: str) -> bool:
        """Remember an id of letters and digits; return whether it was new.

        Raises IdNotRemembered if only this object remembers it now.
        """
        with self._lock:
            if spent_id in self._remembered:
                return False
            self._remembered.add(spent_id)
        if self._folder is None:
            return True
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._folder / spent_id).touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            return False
        except OSError as error:
            reason = error.strerror or str(error)
            _log.error(
                "cannot write %s (%s): links from `crypto-assets unlock` are refused, and a "
                "session that is locked ends on this server only, until it restarts",
                self._folder,
                reason,
            )
            raise IdNotRemembered(reason) from None
        # Another server may delete the same files at the same time.
        with suppress(OSError):
            self._drop_expired(self._folder)
        return True

    def is_spent(self, spent_id: str) -> bool:
        if spent_id in self._remembered:
            return True
        return self._folder is not None and (self._folder / spent_id).exists()

    @staticmethod
    def _drop_expired(folder: Path) -> None:
        """Delete ids of codes and sessions that have expired."""
        oldest = time.time() - SESSION_SECONDS
        for file in folder.iterdir():
            if file.stat().st_mtime < oldest:
                file.unlink(missing_ok=True)

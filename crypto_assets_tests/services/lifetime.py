"""Servers that tests start end with the tests."""

import shutil


def with_parent() -> list[str]:
    """Return a command prefix with which the kernel kills the command when its parent dies."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []

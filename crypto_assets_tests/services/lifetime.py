"""How long a server lives that tests have started: no longer than they do."""

import shutil


def with_parent() -> list[str]:
    """Before a command: the kernel kills it with the process that started it, should that die."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []

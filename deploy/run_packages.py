"""Prints the project's dependencies without those that only its servers need, one per line.

With those of the extras: launchers of runs, which Dagster's daemon needs.
"""

import re
import sys
import tomllib
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def list_run_dependencies() -> list[str]:
    """Return the requirements. Exits with an error if a package of servers is none of them."""
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    left_out = set(settings["tool"]["crypto-assets"]["server-packages"])
    named = {_read_name(one): one for one in settings["project"]["dependencies"]}
    extras = settings["project"]["optional-dependencies"].values()
    launchers = [one for extra in extras for one in extra]
    if unknown := sorted(left_out - set(named)):
        sys.exit(f"server-packages in pyproject.toml are no dependencies: {', '.join(unknown)}")
    return [*(one for name, one in named.items() if name not in left_out), *launchers]


def _read_name(requirement: str) -> str:
    found = _NAME.match(requirement)
    return found[0] if found else ""


if __name__ == "__main__":
    sys.stdout.write("".join(f"{one}\n" for one in list_run_dependencies()))

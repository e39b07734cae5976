"""Commands for people to copy: with the program and the variables that they need in a new shell."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from dotenv import dotenv_values

from crypto_assets.addresses import remove_logins
from crypto_assets.installation import IS_WHEEL, PROJECT_ROOT
from crypto_assets.settings import Settings, get_env_file, get_settings, get_variable_name

_PROGRAM = "crypto-assets"
# What decides which stores, exchange and Dagster a command uses. Secrets are never shown.
_FIELDS = (
    "home",
    "exchange_url",
    "archive_url",
    "dagster_url",
    "lake_raw_url",
    "lake_archive_url",
    "warehouse_url",
    "start_date",
    "partition_unit",
)
# Files that Docker and Podman create.
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))


def format_command(*words: str, fields: tuple[str, ...] = _FIELDS) -> str:
    """Format `crypto-assets WORDS` so that it works in a shell that has none of our variables.

    `fields` are the settings that it depends on. Relative paths count from the clone.
    """
    program = _find_program()
    # In our image, every shell has the variables of the container.
    is_image = program == [_PROGRAM] and any(mark.exists() for mark in _CONTAINER_MARKS)
    variables = [] if is_image else _list_variables(fields)
    return " ".join([*variables, shlex.join([*program, *words])])


def _find_program() -> list[str]:
    """Return the name of the program if the shell finds it, else its path."""
    script = Path(sys.executable).with_name(_PROGRAM)
    found = shutil.which(_PROGRAM)
    if found and (not script.exists() or Path(found).resolve() == script.resolve()):
        return [_PROGRAM]
    if not script.exists():
        return [sys.executable, "-m", "crypto_assets"]
    return [_shorten_path(script)]


def _list_variables(fields: tuple[str, ...]) -> list[str]:
    """List the assignments without which a new shell would have other settings."""
    file = get_env_file()
    from_file = dotenv_values(file) if file.is_file() else {}
    found = []
    for field in fields:
        name = get_variable_name(field)
        value = os.environ.get(name, "")
        default = Settings.model_fields[field].default
        if field == "home":
            home = get_settings().home
            is_default = not IS_WHEEL and home == PROJECT_ROOT / default
            value = "" if is_default else _shorten_path(home)
        if value and value not in (from_file.get(name), str(default)) and _is_public(value):
            found.append(f"{name}={shlex.quote(value)}")
    return found


def _is_public(value: str) -> bool:
    return remove_logins(value) == value


def _shorten_path(path: Path) -> str:
    """Return a path relative to the clone if it is in it, where its documents run commands."""
    if not IS_WHEEL and path.is_relative_to(PROJECT_ROOT):
        return str(path.relative_to(PROJECT_ROOT))
    return str(path)

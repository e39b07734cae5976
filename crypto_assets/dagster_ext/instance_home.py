"""Dagster's home: the instance's folder and its `dagster.yaml`."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum, auto
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import dagster as dg
import yaml

# What Dagster raises for a malformed `dagster.yaml`, and how it reads the file.
from dagster._check import CheckError
from dagster._core.instance.ref import InstanceRef

from crypto_assets.errors import WrongUse
from crypto_assets.installation import find_project_file
from crypto_assets.warehouse.engine.error_translation import translate_dagster_errors

_CONFIG_NAME = "dagster.yaml"
_NEW_CONFIG_NAME = f"{_CONFIG_NAME}.new"
# The embedded size's file and the two in the Docker image, of which the second is for workers.
_EMBEDDED_CONFIG, _SERVER_CONFIG = _CONFIG_NAME, f"deploy/{_CONFIG_NAME}"
_WORKERS_CONFIG = f"deploy/celery/{_CONFIG_NAME}"
_WORKERS_LAUNCHER = "WorkerLauncher"
_STORAGE_MODULE, _ESCAPING_STORAGE = "crypto_assets.dagster_ext.sqlite_storage", "SqliteStorage"
# Digests of every version of these files, which some versions copied without a digest header.
_SHIPPED_DIGESTS = {
    "0c842dd444e5bf16",
    "157c3503813040ef",
    "521cdee923d38a2b",
    "5582d5f51b75b293",
    "7815a068377ad47c",
    "7e2576f423eb756f",
    "7e6e1e9a874944f1",
    "7f7524bd1a180cf9",
    "918c0355ee161f3b",
    "9d279a0890c25104",
    "a10404b8f4547c16",
    "ac2a8fb3c10e5337",
    "bf7a2207894f8488",
    "e018264e4aaf8124",
    "f12b90e214a012d1",
    "f2188967db8a7558",
    "f574d3ac2273ab4d",
    "f87b4c8640d9884c",
}
# Dagster's error about a wrong field lists all valid fields: show its beginning only.
_MAX_ERROR_CHARS = 300
# Versions differ in the words after the start; all end with the digest of the text below.
_HEADER_START = "# Written by `crypto-assets init`"
_DIGEST_HEADER = f"{_HEADER_START}, which updates it unless you change it: {{}}\n"


class _Database(Enum):
    """Where Dagster's storage is."""

    SQLITE = auto()
    MYSQL = auto()
    OTHER = auto()


def prepare_home(home: Path) -> str | None:
    """Create the folder and write the project's `dagster.yaml`, or update an unchanged one.

    A file that the user wrote or changed stays. The project's version is then written next to it as
    `dagster.yaml.new`, and the returned notice names it, once per version. A file that keeps
    Dagster's database in MySQL gets the version of `deploy/`; with another database server, the
    project has no version of it. A file in a folder that cannot be written is used as it is, with a
    notice. Raises WrongUse if there is none, and the folder cannot be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not (home / _CONFIG_NAME).exists():
            _replace_file(home / _CONFIG_NAME, _add_digest_header(_build_embedded_config(home)))
            (home / _NEW_CONFIG_NAME).unlink(missing_ok=True)
            return None
    except OSError as error:
        raise WrongUse(
            f"cannot write Dagster's home {home} ({error.strerror}): "
            "fix its permissions, or set another CRYPTO_HOME or DAGSTER_HOME"
        ) from error
    return _update_config(home)


def is_config_current(home: Path) -> bool:
    """Return whether `prepare_home` would leave `dagster.yaml` as it is."""
    config = home / _CONFIG_NAME
    if not config.exists():
        return False
    database = _find_database(home)
    if database is _Database.OTHER:
        return True
    text = config.read_text()
    return not _is_project_config(text) or text.endswith(_build_shipped_config(home, database))


def require_usable_home(home: Path) -> None:
    """Raise WrongUse if Dagster cannot open its SQLite files or read its `dagster.yaml`.

    Dagster's own storage puts the path into a URL without escaping it: the URL's path ends at a
    `?`, and `%41` becomes an A, so that Dagster creates its files in one place and opens them in
    another. The project's file then names `SqliteStorage`.
    """
    config = home / _CONFIG_NAME
    # Dagster warns if the file is missing.
    if not config.is_file() or _find_database(home) is not _Database.SQLITE:
        return
    storage = _read_instance_config(home).storage_data
    is_escaped = storage is not None and storage.class_name == _ESCAPING_STORAGE
    folder = storage.config_dict["base_dir"] if storage else ""
    if not is_escaped and _is_misread(folder) and not _is_project_config(config.read_text()):
        raise WrongUse(
            f"Dagster cannot store its database in {folder}: the path contains a ? or a % before "
            f"two hexadecimal digits; delete {config.name} and run `crypto-assets init`, or set "
            "CRYPTO_HOME, or only DAGSTER_HOME, to another folder"
        )


def read_mysql_config(home: Path) -> dict[str, Any] | None:
    """Read how `dagster.yaml` configures MySQL for Dagster's storage; None for another storage.

    Does not connect: Dagster would create its tables. Raises WrongUse for a missing variable.
    """
    if not (home / _CONFIG_NAME).is_file() or _find_database(home) is not _Database.MYSQL:
        return None
    storage = _read_instance_config(home).storage_data
    config: dict[str, Any] = _resolve_variables(storage.config_dict if storage else {})
    return config


@contextmanager
def open_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """Open the Dagster instance of a home.

    Raises OrchestratorError for an error of its database, also inside the `with` block.
    """
    with (
        translate_dagster_errors(home),
        dg.DagsterInstance.from_config(str(home)) as instance,
    ):
        yield instance


def _is_misread(folder: str) -> bool:
    return "?" in folder or unquote(folder) != folder


def _resolve_variables(value: Any) -> Any:
    """Replace `{env: NAME}` by the variable's value, as Dagster does."""
    if not isinstance(value, Mapping):
        return value
    if set(value) == {"env"}:
        try:
            return os.environ[value["env"]]
        except KeyError:
            raise WrongUse(f"dagster.yaml needs the variable {value['env']}: set it") from None
    return {name: _resolve_variables(part) for name, part in value.items()}


def _find_database(home: Path) -> _Database:
    """Find out in which database `dagster.yaml` keeps Dagster's storage."""
    storage = _read_instance_config(home).storage_data
    names = {
        "DagsterSqliteStorage": _Database.SQLITE,
        _ESCAPING_STORAGE: _Database.SQLITE,
        "DagsterMySQLStorage": _Database.MYSQL,
        "MySQLStorage": _Database.MYSQL,
    }
    return names.get(storage.class_name if storage else "", _Database.OTHER)


def _read_instance_config(home: Path) -> InstanceRef:
    """Read `dagster.yaml` as Dagster does. Raises WrongUse if it is malformed."""
    try:
        return InstanceRef.from_dir(str(home))
    except yaml.YAMLError as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        reason = f"it is not valid YAML{f' at line {mark.line + 1}' if mark else ''}"
    except UnicodeDecodeError:
        reason = "it is not encoded in UTF-8"
    except (CheckError, TypeError):
        reason = "it is not a mapping of settings"
    except dg.DagsterError as error:
        reason = " ".join(str(error).split())
        reason = f"{reason[:_MAX_ERROR_CHARS]}…" if len(reason) > _MAX_ERROR_CHARS else reason
    # Raised outside of `except`: the cause's text may contain a password from the file.
    raise WrongUse(f"Dagster cannot read {home / _CONFIG_NAME}: {reason}; correct the file")


def _update_config(home: Path) -> str | None:
    config, new_config = home / _CONFIG_NAME, home / _NEW_CONFIG_NAME
    # The embedded size's file would switch Dagster from a database server to an empty SQLite file.
    database = _find_database(home)
    if database is _Database.OTHER:
        return None
    is_embedded = database is _Database.SQLITE
    name = _EMBEDDED_CONFIG if is_embedded else _find_server_config(home)
    shipped = _build_shipped_config(home, database)
    text = config.read_text()
    if text == shipped:
        return None
    is_ours = _is_project_config(text)
    try:
        if is_ours:
            _replace_file(config, _add_digest_header(shipped))
            new_config.unlink(missing_ok=True)
            return None
        if new_config.exists() and new_config.read_text() == shipped:
            return None
        _replace_file(new_config, shipped)
    except OSError as error:
        state = "is of another version" if is_ours else "contains your changes"
        return (
            f"{config} {state} and was not updated, since its folder cannot be written "
            f"({error.strerror}); the new version is {find_project_file(name)}"
        )
    advice = (
        f"delete {config.name} and run `crypto-assets init`"
        if is_embedded
        else f"replace {config.name} with it"
    )
    return (
        f"{config} contains your changes and was not updated; the new version is in "
        f"{new_config.name}: copy what you need from it, or {advice}"
    )


def _build_shipped_config(home: Path, database: _Database) -> str:
    if database is _Database.SQLITE:
        return _build_embedded_config(home)
    return _read_shipped_config(_find_server_config(home))


def _find_server_config(home: Path) -> str:
    """Return the project's file for a storage in MySQL: the one with the file's run launcher."""
    launcher = _read_instance_config(home).run_launcher_data
    has_workers = launcher is not None and launcher.class_name == _WORKERS_LAUNCHER
    return _WORKERS_CONFIG if has_workers else _SERVER_CONFIG


def _read_shipped_config(name: str) -> str:
    return find_project_file(name).read_text()


def _build_embedded_config(home: Path) -> str:
    """Build the file of the embedded size, with `SqliteStorage` if a path needs it.

    That is the path of `home`, or that of Dagster itself.
    """
    text = _read_shipped_config(_EMBEDDED_CONFIG)
    if not (_is_misread(str(home)) or "%" in dg.__file__):
        return text
    storage = {"module": _STORAGE_MODULE, "class": _ESCAPING_STORAGE}
    custom = {"custom": {**storage, "config": {"base_dir": str(home)}}}
    return f"{text}\n{yaml.safe_dump({'storage': custom}, sort_keys=False, allow_unicode=True)}"


def _add_digest_header(text: str) -> str:
    return _DIGEST_HEADER.format(_short_digest(text)) + text


def _is_project_config(text: str) -> bool:
    """Whether a text is exactly what some version of this program wrote or shipped."""
    header, _, rest = text.partition("\n")
    is_signed = header.startswith(_HEADER_START) and header.endswith(f": {_short_digest(rest)}")
    return is_signed or _short_digest(text) in _SHIPPED_DIGESTS


def _short_digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _replace_file(path: Path, text: str) -> None:
    """Write a file atomically; leave it untouched if it has this text already."""
    if path.exists() and path.read_text() == text:
        return
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(text)
    partial.replace(path)

"""Dagster's home: the instance's folder and its `dagster.yaml`."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
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
# The embedded size's file and the one in the Docker image.
_EMBEDDED_CONFIG, _SERVER_CONFIG = _CONFIG_NAME, f"deploy/{_CONFIG_NAME}"
# Digests of every version of these two files, which some versions copied without a digest header.
_SHIPPED_DIGESTS = {
    "0c842dd444e5bf16",
    "157c3503813040ef",
    "218c5a2c4d7f7f0d",
    "7815a068377ad47c",
    "7e2576f423eb756f",
    "7e6e1e9a874944f1",
    "7f7524bd1a180cf9",
    "918c0355ee161f3b",
    "ac2a8fb3c10e5337",
    "bf7a2207894f8488",
    "e018264e4aaf8124",
    "f12b90e214a012d1",
    "f2188967db8a7558",
    "f87b4c8640d9884c",
}
# Dagster's error about a wrong field lists all valid fields: show its beginning only.
_MAX_ERROR_CHARS = 300
# Versions differ in the words after the start; all end with the digest of the text below.
_HEADER_START = "# Written by `crypto-assets init`"
_DIGEST_HEADER = f"{_HEADER_START}, which updates it unless you change it: {{}}\n"


def prepare_home(home: Path) -> str | None:
    """Create the folder and write the project's `dagster.yaml`, or update an unchanged one.

    A file that the user wrote or changed stays. The project's version is then written next to it as
    `dagster.yaml.new`, and the returned notice names it, once per version. A file that keeps
    Dagster's database on a server gets the version of `deploy/`. Raises WrongUse if the folder
    cannot be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        return _install_config(home)
    except OSError as error:
        raise WrongUse(
            f"cannot write Dagster's home {home} ({error.strerror}): "
            "fix its permissions, or set another CRYPTO_HOME or DAGSTER_HOME"
        ) from error


def require_usable_home(home: Path) -> None:
    """Raise WrongUse if Dagster cannot open its SQLite files or read its `dagster.yaml`.

    Dagster puts the path into a URL without escaping it: the URL's path ends at a `?`, and `%41`
    becomes an A, so that Dagster creates its files in one place and opens them in another.
    """
    folder = _find_sqlite_folder(home)
    if "?" in folder or unquote(folder) != folder:
        raise WrongUse(
            f"Dagster cannot store its database in {folder}: the path contains a ? or a % before "
            "two hexadecimal digits; set CRYPTO_HOME, or only DAGSTER_HOME, to another folder"
        )


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


def _find_sqlite_folder(home: Path) -> str:
    """Return the folder of Dagster's SQLite files; "" if its database is on a server."""
    # Dagster warns if the file is missing.
    if not (home / _CONFIG_NAME).is_file():
        return str(home)
    storage = _read_instance_config(home).storage_data
    if storage is None or storage.class_name != "DagsterSqliteStorage":
        return ""
    return str(storage.config_dict["base_dir"])


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


def _install_config(home: Path) -> str | None:
    config, new_config = home / _CONFIG_NAME, home / f"{_CONFIG_NAME}.new"
    if not config.exists():
        _replace_file(config, _add_digest_header(_read_shipped_config(_EMBEDDED_CONFIG)))
        new_config.unlink(missing_ok=True)
        return None
    # The embedded size's file would switch Dagster from a database server to an empty SQLite file.
    is_embedded = bool(_find_sqlite_folder(home))
    shipped = _read_shipped_config(_EMBEDDED_CONFIG if is_embedded else _SERVER_CONFIG)
    text = config.read_text()
    if text == shipped:
        return None
    if _is_project_config(text):
        _replace_file(config, _add_digest_header(shipped))
        new_config.unlink(missing_ok=True)
        return None
    if new_config.exists() and new_config.read_text() == shipped:
        return None
    _replace_file(new_config, shipped)
    advice = (
        f"delete {config.name} and run `crypto-assets init`"
        if is_embedded
        else f"replace {config.name} with it"
    )
    return (
        f"{config} contains your changes and was not updated; the new version is in "
        f"{new_config.name}: copy what you need from it, or {advice}"
    )


def _read_shipped_config(name: str) -> str:
    return find_project_file(name).read_text()


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

"""The home of the Dagster instance: its folder and its `dagster.yaml`."""

from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

import dagster as dg
import yaml
from dagster._check import CheckError
from dagster._core.instance.ref import InstanceRef

from crypto_assets.errors import WrongUse
from crypto_assets.settings import PROJECT_ROOT

_CONFIG_NAME = "dagster.yaml"
# Any of them in a home is the project's own: the embedded size's, and the one in the image.
_SHIPPED_CONFIGS = (PROJECT_ROOT / _CONFIG_NAME, PROJECT_ROOT / "deploy" / _CONFIG_NAME)
# Every text that these two ever had: the image, and the first versions, copied them unsigned.
_SHIPPED_DIGESTS = {
    "0c842dd444e5bf16",
    "157c3503813040ef",
    "7815a068377ad47c",
    "7e2576f423eb756f",
    "7f7524bd1a180cf9",
    "918c0355ee161f3b",
    "ac2a8fb3c10e5337",
    "bf7a2207894f8488",
    "e018264e4aaf8124",
    "f2188967db8a7558",
    "f87b4c8640d9884c",
}
# Characters shown of what Dagster says about a file; it lists all settings that there are.
_MAX_ERROR_CHARS = 300
_DIGEST_HEADER = (
    "# Written by `crypto-assets init`, which renews it for as long as nobody else changes it: {}\n"
)


def prepare_home(home: Path) -> str | None:
    """Make the folder and give it the project's `dagster.yaml`, or renew the one given before.

    A file that somebody else wrote or changed stays; the project's is then laid beside it, as
    `dagster.yaml.new`, and the answer says so, once for each version. What keeps Dagster's database
    on a server is renewed by, or laid beside it is, the file of `deploy/`. Raises WrongUse.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        return _install_config(home)
    except OSError as error:
        raise WrongUse(
            f"Dagster's home {home} cannot be written: {error.strerror}; "
            "mend it, or set another CRYPTO_HOME or DAGSTER_HOME"
        ) from error


def require_usable_home(home: Path) -> None:
    """Raises WrongUse where Dagster would make its SQLite files in one place, and open another.

    It writes the path into a URL as it stands, which ends at a `?` and reads `%41` as an A. Raises
    WrongUse where `dagster.yaml` cannot be read, too.
    """
    folder = _find_sqlite_folder(home)
    if "?" in folder or unquote(folder) != folder:
        raise WrongUse(
            f"Dagster cannot keep its database in {folder}, whose path has a ? or a % before two "
            "hexadecimal digits: set CRYPTO_HOME, or DAGSTER_HOME alone, to another folder"
        )


def open_instance(home: Path) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(home))


def _find_sqlite_folder(home: Path) -> str:
    """Where Dagster keeps its SQLite files; empty where it keeps none."""
    if not (
        home / _CONFIG_NAME
    ).is_file():  # Dagster would warn that it is missing; `init` writes it
        return str(home)
    storage = _read_instance_config(home).storage_data
    if storage is None or storage.class_name != "DagsterSqliteStorage":
        return ""
    return str(storage.config_dict["base_dir"])


def _read_instance_config(home: Path) -> InstanceRef:
    """Read `dagster.yaml` as Dagster does. Raises WrongUse where it cannot."""
    try:
        return InstanceRef.from_dir(str(home))
    except yaml.YAMLError as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        said = f"it is no YAML{f' from line {mark.line + 1} on' if mark else ''}"
    except UnicodeDecodeError:
        said = "it is not written in UTF-8"
    except (CheckError, TypeError):
        said = "it does not hold settings by name"
    except dg.DagsterError as error:
        said = " ".join(str(error).split())
        said = f"{said[:_MAX_ERROR_CHARS]}…" if len(said) > _MAX_ERROR_CHARS else said
    # Without what led to it, which may show a password of the file.
    raise WrongUse(f"Dagster cannot read {home / _CONFIG_NAME}: {said}; put the file right")


def _install_config(home: Path) -> str | None:
    own, beside = home / _CONFIG_NAME, home / f"{_CONFIG_NAME}.new"
    if not own.exists():
        _replace_file(own, _add_digest_header(_SHIPPED_CONFIGS[0].read_text()))
        beside.unlink(missing_ok=True)
        return None
    # The embedded size's file would move Dagster from a database server to an empty SQLite.
    is_embedded = bool(_find_sqlite_folder(home))
    shipped, text = _SHIPPED_CONFIGS[0 if is_embedded else -1].read_text(), own.read_text()
    if text == shipped:
        return None
    if _is_project_config(text):
        _replace_file(own, _add_digest_header(shipped))
        beside.unlink(missing_ok=True)
        return None
    if beside.exists() and beside.read_text() == shipped:
        return None
    _replace_file(beside, shipped)
    cure = (
        f"delete {own.name} and run `crypto-assets init`" if is_embedded else "put it in its place"
    )
    return (
        f"{own} is your own and stays; this version's lies beside it as {beside.name}: take over "
        f"what you want, or {cure}"
    )


def _add_digest_header(text: str) -> str:
    return _DIGEST_HEADER.format(_short_digest(text)) + text


def _is_project_config(text: str) -> bool:
    """As some version of this program has written or shipped it, to the last letter."""
    _, _, rest = text.partition("\n")
    return text == _add_digest_header(rest) or _short_digest(text) in _SHIPPED_DIGESTS


def _short_digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _replace_file(path: Path, text: str) -> None:
    """In one step: a kill leaves the old file or the new one; unchanged, it is not touched."""
    if path.exists() and path.read_text() == text:
        return
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(text)
    partial.replace(path)

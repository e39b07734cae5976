"""Dagster's home: its folder, its `dagster.yaml`, and the symbols as partitions."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from crypto_assets.defs.partitions import SYMBOLS
from crypto_assets.errors import WrongUse
from crypto_assets.settings import PROJECT_ROOT

_NAME = "dagster.yaml"
# Any of them in a home is the project's own: the embedded size's, and the one in the image.
_SHIPPED = (PROJECT_ROOT / _NAME, PROJECT_ROOT / "deploy" / _NAME)
_HEADER = (
    "# Written by `crypto-assets init`, which renews it for as long as nobody else changes it: {}\n"
)


def prepare_home(home: Path) -> str | None:
    """Make the folder and give it the project's `dagster.yaml`, or renew the one given before.

    A file that somebody else wrote or changed stays; the project's is then laid beside it, as
    `dagster.yaml.new`, and the answer says so, once for each version. Raises WrongUse.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        return _give(home)
    except OSError as error:
        raise WrongUse(
            f"Dagster's home {home} cannot be written: {error.strerror}; "
            "mend it, or set another CRYPTO_HOME or DAGSTER_HOME"
        ) from error


def require_usable_home(home: Path) -> None:
    """Raises WrongUse where Dagster would make its SQLite files in one place, and open another.

    It writes the path into a URL as it stands, which ends at a `?` and reads `%41` as an A.
    """
    folder = _sqlite_folder(home)
    if "?" in folder or unquote(folder) != folder:
        raise WrongUse(
            f"Dagster cannot keep its database in {folder}, whose path has a ? or a % before two "
            "hexadecimal digits: set CRYPTO_HOME, or DAGSTER_HOME alone, to another folder"
        )


def open_instance(home: Path) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(home))


def add_symbols(instance: dg.DagsterInstance, symbols: Sequence[str]) -> None:
    """Make symbols partitions; those that are stay where they stand in Dagster's order."""
    known = set(instance.get_dynamic_partitions(SYMBOLS))
    missing = [name for name in symbols if name not in known]
    if missing:
        instance.add_dynamic_partitions(SYMBOLS, missing)


def _sqlite_folder(home: Path) -> str:
    """Where Dagster keeps its SQLite files; empty where it keeps none."""
    if not home.is_dir():
        return str(home)
    storage = InstanceRef.from_dir(str(home)).storage_data
    if storage is None or storage.class_name != "DagsterSqliteStorage":
        return ""
    return str(storage.config_dict["base_dir"])


def _give(home: Path) -> str | None:
    own, beside = home / _NAME, home / f"{_NAME}.new"
    shipped = _SHIPPED[0].read_text()
    if not own.exists() or _is_ours(own.read_text()):
        _write(own, _signed(shipped))
        beside.unlink(missing_ok=True)
        return None
    if own.read_text() in [path.read_text() for path in _SHIPPED]:
        return None
    if beside.exists() and beside.read_text() == shipped:
        return None
    _write(beside, shipped)
    return (
        f"{own} is your own and stays; this version's lies beside it as {beside.name}: take over "
        f"what you want, or delete {own.name} and run `crypto-assets init`"
    )


def _signed(text: str) -> str:
    return _HEADER.format(sha256(text.encode()).hexdigest()[:16]) + text


def _is_ours(text: str) -> bool:
    """As some version of this program has written it, to the last letter."""
    _, _, rest = text.partition("\n")
    return text == _signed(rest)


def _write(path: Path, text: str) -> None:
    """In one step: a kill leaves the old file or the new one; unchanged, it is not touched."""
    if path.exists() and path.read_text() == text:
        return
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(text)
    partial.replace(path)

"""The environment of programs that start in another folder than this process."""

import os
from pathlib import Path
from urllib.parse import quote, unquote

from dotenv import dotenv_values
from pydantic import AliasChoices

from crypto_assets.addresses import expand_user
from crypto_assets.installation import BASE_FOLDER_VARIABLE, find_base_folder
from crypto_assets.settings import Settings, get_env_file, get_settings, get_variable_name

_SQLITE = "sqlite:///"


def build_folder_variables() -> dict[str, str]:
    """Build variables with which a program in any folder has the settings of this process.

    They name the folder of `.env`, and each store whose path is relative to the current folder.
    """
    settings = get_settings()
    variables = {BASE_FOLDER_VARIABLE: str(find_base_folder())}
    for field in ("lake_raw_url", "lake_archive_url"):
        path = Path(lake := getattr(settings, field))
        if "://" not in lake and not expand_user(path).is_absolute():
            variables[get_variable_name(field)] = str(path.absolute())
    for field in ("warehouse_url", "warehouse_read_url"):
        url = getattr(settings, field).get_secret_value()
        path = Path(unquote(url.removeprefix(_SQLITE)))
        if url.startswith(_SQLITE) and not path.is_absolute():
            absolute = f"{quote(str(Path.cwd()))}/{url.removeprefix(_SQLITE)}"
            variables[get_variable_name(field)] = f"{_SQLITE}{absolute}"
    return variables


def read_other_variables() -> dict[str, str]:
    """Read the variables of `.env` that are no settings, unless the environment sets them.

    Dagster reads them itself in the folder of `.env`: for boto3, and for the YAML files of markets.
    """
    file = get_env_file()
    if not file.is_file():
        return {}
    aliases = [field.validation_alias for field in Settings.model_fields.values()]
    settings = {
        name for alias in aliases if isinstance(alias, AliasChoices) for name in alias.choices
    }
    return {
        name: value
        for name, value in dotenv_values(file, encoding="utf-8-sig").items()
        if value
        and not name.startswith("CRYPTO_")
        and name not in settings
        and name not in os.environ
    }

"""Every setting is in `.env.example`, docs/settings.md (with its default) and the compose file."""

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import yaml
from dotenv import dotenv_values
from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from crypto_assets.settings import Settings
from crypto_assets_tests.project.env_example import uncomment_example
from crypto_assets_tests.project.repository import ROOT, text

FIELDS = Settings.model_fields
# The compose file sets the keys of its own server.
UNSET = {"s3_profile"}
COMPUTED = {
    "lake_raw_url",
    "lake_archive_url",
    "warehouse_url",
    "warehouse_read_url",
    "dagster_home",
    "dagster_link_url",
    "ingest_interval_minutes",
    "s3_endpoint_url",
}


def variables(name: str) -> list[str]:
    """The environment variables of a field, the documented one first."""
    alias = FIELDS[name].validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices if str(choice).isupper()]
    return [f"CRYPTO_{name.upper()}"]


def documented_defaults() -> dict[str, str]:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", text("docs/settings.md"), re.MULTILINE)
    return {variable: default.strip("`") for variable, default in rows}


def written(field: FieldInfo) -> str:
    """A field's default as a user would write it; `none` without one."""
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, tuple):
        value = ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value in (None, "") else str(value)


def test_the_documented_names_are_the_fields() -> None:
    assert list(documented_defaults()) != []
    assert set(documented_defaults()) == {variables(name)[0] for name in FIELDS}


def test_the_documented_default_is_the_fields_own() -> None:
    documented, own = documented_defaults(), sorted(FIELDS.keys() - COMPUTED)
    assert {name: documented[variables(name)[0]] for name in own} == {
        name: written(FIELDS[name]) for name in own
    }


def read_example() -> dict[str, str | None]:
    """The variables that the example offers in comments, and those that it sets."""
    return dotenv_values(stream=StringIO(uncomment_example()))


def test_the_example_has_every_setting() -> None:
    assert {variables(name)[0] for name in FIELDS} <= read_example().keys()


def test_the_example_sets_nothing_that_a_program_reads() -> None:
    """Dagster and boto3 prefer even an empty value of `.env` to the environment."""
    passwords = dotenv_values(ROOT / ".env.example")
    assert all(name.endswith("PASSWORD") for name in passwords), "comment the others out"
    assert set(passwords.values()) == {""}


def test_the_example_contains_only_variables_that_are_read() -> None:
    known = {variable for name in FIELDS for variable in variables(name)}
    files = ("published-ports", "external-mysql")
    for compose in ("docker-compose.yml", *(f"deploy/{name}.yml" for name in files)):
        known |= set(re.findall(r"\$\{(\w+)", text(compose)))
    # Which services Compose starts.
    known.add("COMPOSE_PROFILES")
    known |= set(re.findall(r"^password \w+ (\w+)$", text("deploy/write-secrets.sh"), re.MULTILINE))
    assert read_example().keys() - known == set()


@pytest.mark.parametrize("example", [text(".env.example"), uncomment_example()])
def test_a_copy_of_the_example_means_the_defaults(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in FIELDS:
        for variable in variables(name):
            monkeypatch.delenv(variable, raising=False)
    copied = tmp_path / ".env"
    copied.write_text(example)
    assert Settings(_env_file=copied) == Settings(_env_file=None)


def environments() -> Iterator[dict[str, str]]:
    """Yield those of the project's services, but of the simulated exchange, which has no secret."""
    for service in yaml.safe_load(text("docker-compose.yml"))["services"].values():
        if service["image"].startswith("crypto-assets") and service["secrets"]:
            yield service["environment"]


def is_secret(name: str) -> bool:
    return "SecretStr" in str(FIELDS[name].annotation)


def test_every_setting_without_a_secret_is_passed_to_every_service() -> None:
    in_image = set(re.findall(r"(\w+)=/", text("Dockerfile")))
    for environment in environments():
        given = environment.keys() | in_image
        lacking = {n for n in FIELDS if not is_secret(n) and not given & set(variables(n))}
        assert lacking == UNSET


def test_secrets_are_passed_in_files() -> None:
    """Options of connections are secret only where they contain the password of a key.

    The Redis of the compose file has no password: only those that need it are in its network.
    """
    for environment in environments():
        given = {n for n in FIELDS if is_secret(n) and environment.keys() & set(variables(n))}
        assert given <= {"warehouse_options", "dagster_mysql_options", "broker_url"}

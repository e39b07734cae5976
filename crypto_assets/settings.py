"""The settings, read from environment variables and `.env`."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Self, get_args
from urllib.parse import quote, urlsplit

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from crypto_assets.addresses import AddressingStyle, expand_user, redact_address, remove_logins
from crypto_assets.errors import WrongUse
from crypto_assets.foreign_text import shorten_text
from crypto_assets.installation import find_base_folder
from crypto_assets.loopback import is_loopback
from crypto_assets.market.instant_parsing import parse_day
from crypto_assets.market.symbols import parse_symbol
from crypto_assets.market.utc_time import MINUTES_PER_DAY
from crypto_assets.retention_policy import (
    MAX_LAKE_GB,
    MAX_RETENTION_DAYS,
    MIN_LAKE_GB,
    RetentionPolicy,
)
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames

# SQLite has a single writer, which needs fewer ticks than a server.
EMBEDDED_INGEST_MINUTES = 5
# Epoch times must not be negative.
EARLIEST_DAY = date(1970, 1, 1)
# `https://github.com/NAME/REPOSITORY/tree/BRANCH`, or GitLab's form with `/-/tree/`.
BRANCH_URL = re.compile(r"(?P<repository>https?://[^?#]+?)(?P<gitlab>/-)?/tree/(?P<branch>[^?#]+)")
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?")
# As Dagster requires of owners.
_OWNER = re.compile(r"team:\S+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")
_PERSON = re.compile(r"[^@\s*,]+@[^@\s*,]+|\*@[^@\s*,]+")
# Of a home: each further market has a folder in it.
_MARKETS_FOLDER = "markets"
_S3_KEYS, _S3_TOKEN = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}, "AWS_SESSION_TOKEN"


class PartitionUnit(StrEnum):
    """The time span of a partition."""

    DAY = "day"
    MONTH = "month"


class LogFormat(StrEnum):
    """How processes write their logs."""

    JSON = "json"
    TEXT = "text"


def _standard_field(*names: str, default: Any = None) -> Any:
    """Define a field that is read from variables that others define, without our prefix."""
    return Field(default=default, validation_alias=AliasChoices(*names))


class _DotEnv(DotEnvSettingsSource):
    """The `.env` file, without its session token if the environment sets other S3 keys."""

    def __call__(self) -> dict[str, Any]:
        values = super().__call__()
        if self.current_state.keys() & _S3_KEYS:
            values.pop(_S3_TOKEN, None)
        return values


class _SecretFiles(PydanticBaseSettingsSource):
    """Secrets in files: for each secret setting, the variable with `_FILE` after its name.

    The file contains the value alone, as the secrets of Docker and Kubernetes do; an empty file
    means the default. Raises WrongUse for an unreadable file, and for a value that is set twice.
    """

    def __init__(self, settings_cls: type[BaseSettings], variables: Mapping[str, str | None]):
        super().__init__(settings_cls)
        self._variables = variables

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        names = list_variable_names(field_name) if _is_secret(field) else []
        for file_variable in (f"{name}_FILE" for name in names):
            if path := self._variables.get(file_variable.lower()):
                if twice := [name for name in names if self._variables.get(name.lower())]:
                    raise WrongUse(f"{twice[0]} and {file_variable} are both set: remove one")
                return _read_secret_file(file_variable, path), field_name, False
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields.items()
        found = {name: self.get_field_value(field, name)[0] for name, field in fields}
        return {name: value for name, value in found.items() if value}


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in {field.annotation, *get_args(field.annotation)}


def _read_secret_file(variable: str, path: str) -> str:
    try:
        return expand_user(Path(path)).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise WrongUse(f"cannot read {variable}={path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WrongUse(f"{variable}={path} is not UTF-8 text") from None


class Settings(BaseSettings):
    """The settings; the defaults select the embedded size: a directory and SQLite, no servers.

    Each field is read from `CRYPTO_<NAME>`, in the environment or in `.env`; a secret also from the
    file that `CRYPTO_<NAME>_FILE` names.
    """

    model_config = SettingsConfigDict(
        env_prefix="CRYPTO_",
        env_file=find_base_folder() / ".env",
        # Editors on Windows write a byte-order mark.
        env_file_encoding="utf-8-sig",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    home: Path = Path(".crypto-assets")
    symbols: Annotated[tuple[str, ...], NoDecode] = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    start_date: date = date(2025, 1, 1)
    partition_unit: PartitionUnit = PartitionUnit.DAY
    exchange_url: str = "https://data-api.binance.vision"
    archive_url: str = "https://data.binance.vision"
    lake_raw_url: str = ""
    lake_archive_url: str = ""
    warehouse_url: SecretStr = SecretStr("")
    warehouse_read_url: SecretStr = SecretStr("")
    # Options of both URLs if they name a MySQL server, such as those of TLS.
    warehouse_options: SecretStr = SecretStr("")
    dagster_url: str = "http://127.0.0.1:3000"
    # For links in pages; in containers, programs use another address.
    dagster_link_url: str = ""
    app_link_url: str = "http://127.0.0.1:8501"
    runbook_url: str = ""
    # A branch of the repository on its forge, to which Dagster's pages link.
    source_url: str = ""
    owners: Annotated[tuple[str, ...], NoDecode] = ()
    # Relative to `home`, unless it is absolute, as Dagster requires of DAGSTER_HOME.
    dagster_home: Path = Field(
        default=Path("dagster"), validation_alias=AliasChoices("dagster_home", "DAGSTER_HOME")
    )
    # For Dagster's database, if `deploy/dagster.yaml` stores it in MySQL.
    dagster_mysql_password: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("dagster_mysql_password", "DAGSTER_MYSQL_PASSWORD"),
    )
    dagster_mysql_options: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("dagster_mysql_options", "DAGSTER_MYSQL_OPTIONS"),
    )
    # Of the queue from which workers take runs: redis://HOST:6379/0, or rediss:// with TLS.
    broker_url: SecretStr = SecretStr("")
    # How long a host of workers may be silent before its runs are failed.
    worker_timeout_seconds: int = Field(default=120, ge=45, le=3600)
    # Days in a run of a backfill; without it, 400 partitions.
    backfill_run_days: int | None = Field(default=None, ge=1, le=400)
    # Without it, the API writes JSON, and all others text.
    log_format: LogFormat | None = None
    # Of a collector of OpenTelemetry, and of a project of Sentry: by their standard names.
    otel_endpoint: str = _standard_field("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
    sentry_dsn: str = _standard_field("SENTRY_DSN", default="")
    ingest_interval_minutes: int = Field(default=0, ge=0, le=MINUTES_PER_DAY)
    settle_seconds: float = Field(default=5, ge=0, le=600)
    order_book_levels: int = Field(default=20, ge=1, le=5000)
    order_book_interval_minutes: int = Field(default=5, ge=1, le=MINUTES_PER_DAY)
    raw_days: int = Field(default=RetentionPolicy.raw_days, ge=1, le=MAX_RETENTION_DAYS)
    archive_days: int = Field(default=RetentionPolicy.archive_days, ge=1, le=MAX_RETENTION_DAYS)
    lake_max_gb: float | None = Field(
        default=RetentionPolicy.lake_max_gb, ge=MIN_LAKE_GB, le=MAX_LAKE_GB
    )
    minute_days: int = Field(default=RetentionPolicy.minute_days, ge=0, le=MAX_RETENTION_DAYS)
    order_book_days: int = Field(
        default=RetentionPolicy.order_book_days, ge=1, le=MAX_RETENTION_DAYS
    )
    alert_webhook_url: SecretStr | None = None
    # Further targets of alerts, in the format of Apprise, separated by blanks.
    alert_urls: SecretStr = SecretStr("")
    operator_token: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "operator_token", "CRYPTO_OPERATOR_TOKEN", "CRYPTO_API_TOKEN"
        ),
    )
    viewer_token: SecretStr | None = None
    # The address of the provider's metadata, as OpenID Connect Discovery defines it.
    oidc_metadata_url: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    # E-mail addresses, or *@example.com for all of a domain.
    oidc_operators: Annotated[tuple[str, ...], NoDecode] = ()
    oidc_viewers: Annotated[tuple[str, ...], NoDecode] = ()
    # Whether an address counts if the provider does not say that it has verified it.
    oidc_accept_unconfirmed_emails: bool = False
    # Addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto count.
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    api_cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    # Names of this server in the Host header, besides those of the links.
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    s3_endpoint_url: str | None = _standard_field("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    s3_access_key_id: SecretStr | None = _standard_field("AWS_ACCESS_KEY_ID")
    s3_secret_access_key: SecretStr | None = _standard_field("AWS_SECRET_ACCESS_KEY")
    s3_session_token: SecretStr | None = _standard_field(_S3_TOKEN)
    s3_profile: str | None = _standard_field("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
    s3_region: str | None = _standard_field("AWS_REGION", "AWS_DEFAULT_REGION")
    s3_addressing_style: AddressingStyle = _standard_field(
        "AWS_S3_ADDRESSING_STYLE", default=AddressingStyle.AUTO
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        variables: dict[str, str | None] = {}
        if isinstance(dotenv_settings, DotEnvSettingsSource):
            dotenv_settings = _DotEnv(settings_cls, env_file=dotenv_settings.env_file)
            variables |= dotenv_settings.env_vars
        if isinstance(env_settings, EnvSettingsSource):
            variables |= env_settings.env_vars
        secret_files = _SecretFiles(settings_cls, variables)
        return init_settings, secret_files, env_settings, dotenv_settings, file_secret_settings

    @field_validator(
        "symbols",
        "api_cors_origins",
        "owners",
        "trusted_proxies",
        "oidc_operators",
        "oidc_viewers",
        "allowed_hosts",
        mode="before",
    )
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("start_date", mode="before")
    @classmethod
    def _parse_day(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return parse_day(value)
        except WrongUse as error:
            raise ValueError(str(error)) from None

    @field_validator("symbols")
    @classmethod
    def _parse_symbols(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("contains no symbol: write BTCUSDT,ETHUSDT, or leave it empty")
        try:
            return tuple(dict.fromkeys(parse_symbol(text) for text in value))
        except WrongUse as error:
            raise ValueError(str(error)) from None

    @field_validator("owners")
    @classmethod
    def _require_owners(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := next((owner for owner in value if not _OWNER.fullmatch(owner)), None):
            raise ValueError(f"{wrong!r} is neither an e-mail address nor team:NAME")
        return tuple(dict.fromkeys(value))

    @field_validator("operator_token", "viewer_token")
    @classmethod
    def _require_visible_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        token = value.get_secret_value().strip()
        if not token:
            raise ValueError("is blank: set a random token, or leave it empty")
        return SecretStr(token)

    @field_validator("allowed_hosts")
    @classmethod
    def _require_host_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := next((host for host in value if not _HOST_NAME.fullmatch(host)), None):
            raise ValueError(f"{wrong!r} is not a host name: write names without scheme and port")
        return tuple(host.lower() for host in value)

    @field_validator("oidc_metadata_url")
    @classmethod
    def _require_secure_url(cls, value: str) -> str:
        url = urlsplit(value)
        if value and not (url.scheme == "https" or is_loopback(url.hostname or "")):
            raise ValueError("must begin with https://, except for a server of this machine")
        return value

    @field_validator("oidc_operators", "oidc_viewers")
    @classmethod
    def _require_people(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := next((person for person in value if not _PERSON.fullmatch(person)), None):
            raise ValueError(f"{wrong!r} is neither an e-mail address nor *@example.com")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _require_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            try:
                ip_network(text)
            except ValueError:
                raise ValueError(f"{text!r} is not an IP address or network") from None
        return value

    @field_validator("source_url")
    @classmethod
    def _require_branch_url(cls, value: str) -> str:
        url = remove_logins(value).rstrip("/")
        if url and not BRANCH_URL.fullmatch(url):
            raise ValueError(
                "must be the page of a branch or tag on GitHub or GitLab, such as "
                "https://github.com/NAME/crypto-assets/tree/main"
            )
        return url

    @field_validator("start_date")
    @classmethod
    def _require_possible_day(cls, value: date) -> date:
        today = datetime.now(UTC).date()
        if not EARLIEST_DAY <= value <= today:
            raise ValueError(f"must be between {EARLIEST_DAY} and today, {today}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _drop_blank_values(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Drop empty values: `CRYPTO_X=`, as in the example `.env`, means the default."""
        return {key: value for key, value in data.items() if value != ""}

    @model_validator(mode="after")
    def _fill_defaults(self) -> Self:
        """Fill defaults that depend on other fields, and make `home` absolute."""
        fill = object.__setattr__
        home = expand_user(self.home)
        home = home if home.is_absolute() else find_base_folder() / home
        fill(self, "home", home)
        fill(self, "dagster_home", home / expand_user(self.dagster_home))
        fill(self, "lake_raw_url", self.lake_raw_url or str(home / "lake" / "raw"))
        fill(self, "lake_archive_url", self.lake_archive_url or str(home / "lake" / "archive"))
        if not self.warehouse_url.get_secret_value():
            # Escape a % or ? in the path.
            path = quote(str(home / "warehouse.db"))
            fill(self, "warehouse_url", SecretStr(f"sqlite:///{path}"))
        # These are shown to every user, so remove logins.
        dagster = remove_logins(self.dagster_link_url) or redact_address(self.dagster_url)
        fill(self, "dagster_link_url", dagster.rstrip("/"))
        fill(self, "app_link_url", remove_logins(self.app_link_url).rstrip("/"))
        fill(self, "runbook_url", remove_logins(self.runbook_url))
        if not self.warehouse_read_url.get_secret_value():
            fill(self, "warehouse_read_url", self.warehouse_url)
        if not self.ingest_interval_minutes:
            minutes = EMBEDDED_INGEST_MINUTES if self.is_embedded else 1
            fill(self, "ingest_interval_minutes", minutes)
        return self

    @property
    def is_embedded(self) -> bool:
        """Whether this is the size without servers, with SQLite as warehouse."""
        return self.warehouse_url.get_secret_value().startswith("sqlite")


def get_env_file() -> Path:
    """Return the path of `.env`, which need not exist."""
    return Path(str(Settings.model_config["env_file"]))


def load_settings() -> Settings:
    """Read the settings from the environment. Raises WrongUse, which lists invalid variables."""
    return _build_settings({})


def load_market_settings(name: str, **fields: Any) -> Settings:
    """Read the settings of a further market: `fields` instead of the environment's, and a home.

    Its home is a folder in the home of this installation. An empty address of a lake or of the
    warehouse means one in that folder, never the address in the environment. Raises WrongUse.
    """
    stores = dict.fromkeys(
        ("lake_raw_url", "lake_archive_url", "warehouse_url", "warehouse_read_url"), ""
    )
    home = get_settings().home / _MARKETS_FOLDER / name
    names = SettingNames.for_market(name)
    return _build_settings({"home": home, **stores, **fields}, names)


def list_market_homes(home: Path) -> list[str]:
    """List the further markets that have a folder in a home."""
    folder = home / _MARKETS_FOLDER
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _build_settings(fields: dict[str, Any], names: SettingNames = DEFAULT_NAMES) -> Settings:
    _require_utf8(get_env_file())
    try:
        return Settings(**fields)
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems = "; ".join(_describe_problem(problem, names) for problem in found)
        raise WrongUse(f"invalid settings: {problems}") from None


def _describe_problem(problem: ErrorDetails, names: SettingNames) -> str:
    """Return the setting and what is wrong, without a login that someone pasted there."""
    message = remove_logins(problem["msg"].removeprefix("Value error, "))
    return f"{_name_from_location(problem['loc'], names)}: {shorten_text(message)}"


def _require_utf8(file: Path) -> None:
    """Raise WrongUse for a `.env` file that is not UTF-8.

    Windows writes UTF-16, in which every other byte of an ASCII text is zero.
    """
    try:
        content = file.read_bytes() if file.is_file() else b""
        if "\0" not in content.decode():
            return
    except OSError as error:
        raise WrongUse(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        pass
    raise WrongUse(f"{file} is not UTF-8 text: save it as UTF-8")


def get_variable_name(field: str) -> str:
    """Return the environment variable of a field; the documented one if there are several."""
    return list_variable_names(field)[0]


def list_variable_names(field: str) -> list[str]:
    """Return the environment variables of a field, the documented one first."""
    alias = Settings.model_fields[field].validation_alias
    names = alias.choices if isinstance(alias, AliasChoices) else ()
    return [str(name) for name in names if str(name).isupper()] or [f"CRYPTO_{field.upper()}"]


def _name_from_location(location: tuple[int | str, ...], names: SettingNames) -> str:
    name = str(location[0]) if location else "settings"
    return name if name.isupper() else names.get_name(name)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the process's settings, which are read once."""
    return load_settings()

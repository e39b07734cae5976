"""The component `ExchangeCandles`: a further market in this code location, from a YAML file."""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Self

import dagster as dg
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails

from crypto_assets.addresses import is_web_address, redact_address, remove_logins
from crypto_assets.components.scaffolder import NAME_PATTERN, ExchangeCandlesScaffolder
from crypto_assets.defs.exchange_usage import record_exchange_usage
from crypto_assets.errors import UnknownSymbol, WrongUse
from crypto_assets.market.instant_parsing import parse_day
from crypto_assets.market.symbols import TYPED_SYMBOL_PATTERN, parse_symbol
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.settings import PartitionUnit, Settings, get_settings, load_market_settings
from crypto_assets.wiring import open_market_context

_logger = logging.getLogger(__name__)

# A variable of the environment, written as in every YAML file of Dagster.
_VARIABLE = r"\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}"
# No login: Dagster stores these addresses in clear.
_WEB_PATTERN = r"^https?://[^\s/@?#]+(/[^\s@?#]*)?$"
_LAKE_PATTERN = rf"^({_VARIABLE}|s3://[a-z0-9.-]+/?|[^:{{}}]*)$"
_WAREHOUSE_PATTERN = rf"^({_VARIABLE}|sqlite:///[^\s?#{{}}]+)?$"
# Hosts under `.invalid` never exist.
_NO_WAREHOUSE, _NO_LAKE = "mysql+pymysql://variable-not-set.invalid/", "s3://variable-not-set"
_DAY_PATTERN = r"^\d{4}-\d{2}-\d{2}$"


class ExchangeCandlesAttributes(BaseModel):
    """The attributes in the YAML file.

    `dg check yaml` knows the JSON schema only, so that has everything which a schema can say.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(
        pattern=NAME_PATTERN,
        description="Prefix of the market's assets, jobs, schedules, sensors and partitions: lower "
        "case letters, digits and _.",
    )
    exchange: str = Field(
        pattern=_WEB_PATTERN,
        description="Base URL of the REST API, which is Binance's: https://api.binance.us.",
    )
    archive: str = Field(
        pattern=_WEB_PATTERN,
        description="Base URL of the daily archive of the same exchange.",
    )
    symbols: list[str] = Field(
        min_length=1,
        json_schema_extra={"items": {"type": "string", "pattern": TYPED_SYMBOL_PATTERN}},
        description="Symbols to track. One that leaves the list is untracked and keeps its data.",
    )
    intervals: list[Literal["1m", "1h", "1d"]] = Field(
        default=["1m", "1h", "1d"],
        min_length=3,
        max_length=3,
        json_schema_extra={"uniqueItems": True},
        description="Candles to store: all three. Other intervals are computed from them.",
    )
    partition_unit: PartitionUnit = Field(
        default=PartitionUnit.DAY, description="Time span of a partition."
    )
    start_date: str = Field(
        default="2025-01-01",
        pattern=_DAY_PATTERN,
        description="First UTC day with partitions.",
    )
    lake_raw: str = Field(
        default="",
        pattern=_LAKE_PATTERN,
        description="A directory, s3://bucket or {{ env.VARIABLE }}. Default: a directory in "
        "CRYPTO_HOME/markets/NAME.",
    )
    lake_archive: str = Field(
        default="", pattern=_LAKE_PATTERN, description="The same for older objects."
    )
    warehouse: str = Field(
        default="",
        # `ExchangeCandles.load` checks it: Pydantic's error would contain a password.
        json_schema_extra={"pattern": _WAREHOUSE_PATTERN},
        description="{{ env.VARIABLE }}, or sqlite:///PATH. Default: a SQLite file in "
        "CRYPTO_HOME/markets/NAME. An address with a password must be in a variable.",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _hide_logins(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Remove logins from errors: Dagster shows and stores them with the invalid value."""
        try:
            return handler(data)
        except ValidationError as error:
            raise ValidationError.from_exception_data(
                error.title, [_hide_input(detail) for detail in error.errors()]
            ) from None

    @field_validator("exchange", "archive")
    @classmethod
    def _require_address(cls, value: str) -> str:
        if not is_web_address(value):
            raise ValueError(f"{redact_address(value)!r} is not an http or https address")
        return value

    @field_validator("symbols")
    @classmethod
    def _require_symbol(cls, value: list[str]) -> list[str]:
        """Require one valid symbol: invalid ones are not tracked, but must not stop the others."""
        if not split_symbols(value)[0]:
            raise ValueError("contains no valid symbol: write them as BTCUSDT")
        return value

    @field_validator("start_date")
    @classmethod
    def _require_day(cls, value: str) -> str:
        try:
            return parse_day(value).isoformat()
        except WrongUse as error:
            raise ValueError(str(error)) from None


def split_symbols(texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the valid symbols, each once, and what is wrong with each of the others."""
    symbols: dict[str, None] = {}
    problems = []
    for text in texts:
        try:
            symbols[parse_symbol(text)] = None
        except UnknownSymbol as error:
            problems.append(remove_logins(str(error)))
    return tuple(symbols), tuple(problems)


def _hide_input(detail: ErrorDetails) -> InitErrorDetails:
    """Return an error with its value as text without a login; an unknown field's is left out."""
    value = detail["input"]
    shown = redact_address(value) if isinstance(value, str) else type(value).__name__
    return InitErrorDetails(
        type=detail["type"],
        loc=detail["loc"],
        input="…" if detail["type"] == "extra_forbidden" else shown,
        ctx=detail.get("ctx", {}),
    )


class MarketStores(dg.ConfigurableResource[PipelineContext]):
    """The exchange, the lakes and the warehouse of a market that a YAML file describes.

    An address from the environment is kept as the name of its variable.
    """

    name: str
    exchange: str
    archive: str
    symbols: list[str]
    partition_unit: str
    start_date: str
    lake_raw: str
    lake_archive: str
    warehouse: str

    @classmethod
    def from_attributes(cls, attributes: ExchangeCandlesAttributes) -> Self:
        """Build the resource with a `dg.EnvVar` for each variable."""
        fields = attributes.model_dump(mode="json", exclude={"intervals"})
        for name in _ADDRESSES:
            if found := re.fullmatch(_VARIABLE, fields[name]):
                fields[name] = dg.EnvVar(found[1])
        return cls(**fields)

    def create_resource(self, context: dg.InitResourceContext) -> PipelineContext:
        """Return the process's context of this market; connections are opened on first use."""
        attributes = ExchangeCandlesAttributes.model_construct(**self.model_dump())
        return open_market_context(self.name, build_market_settings(attributes))

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[PipelineContext]:
        """Yield the market's context, and record what a run uses of the exchange's rate limit."""
        stores = self.create_resource(context)
        with record_exchange_usage(stores.warehouse, context.run):
            yield stores


_ADDRESSES = ("lake_raw", "lake_archive", "warehouse")


@dg.scaffold_with(ExchangeCandlesScaffolder)
class ExchangeCandles(dg.Component):
    """A further exchange with Binance's API, with its own lake, warehouse, schedules and sensors.

    All names have the prefix `name`. App, HTTP API and commands show the default market;
    docs/extending.md says how to read another one.
    """

    def __init__(self, attributes: ExchangeCandlesAttributes) -> None:
        self.attributes = attributes

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """Return the model of the attributes, from which `dg` takes their JSON schema."""
        return ExchangeCandlesAttributes

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """Build the component from the validated attributes of its YAML file.

        Raises WrongUse if there are none, or if the address of the warehouse is not permitted.
        """
        if not isinstance(attributes, ExchangeCandlesAttributes):
            raise WrongUse(f"{context.path}: the component ExchangeCandles needs attributes")
        if not re.fullmatch(_WAREHOUSE_PATTERN, attributes.warehouse):
            raise WrongUse(
                f"{context.path}: `warehouse` must be {{{{ env.VARIABLE }}}} or sqlite:///PATH: an "
                "address with a password must be in a variable"
            )
        return cls(attributes)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Build the market's definitions.

        A variable that is not set fails the market's runs, schedules and sensors, each with its
        name, but not the code location with the other markets.
        """
        # Imported late: `dg list components` imports this module, and needs no definitions.
        from crypto_assets.components.market_definitions import build_market_definitions
        from crypto_assets.defs.markets import MarketSpec

        settings = build_market_settings(_replace_unset_variables(self.attributes))
        _require_own_stores(settings)
        refused = split_symbols(self.attributes.symbols)[1]
        for problem in refused:
            _logger.warning("the market %s: not tracked: %s", self.attributes.name, problem)
        return build_market_definitions(
            MarketSpec(self.attributes.name, settings, refused),
            MarketStores.from_attributes(self.attributes),
        )


def build_market_settings(attributes: ExchangeCandlesAttributes) -> Settings:
    """Build the settings of a market: those of this installation, with the attributes instead.

    Raises WrongUse for a variable that is not set, and for an invalid value.
    """
    return load_market_settings(
        attributes.name,
        exchange_url=attributes.exchange,
        archive_url=attributes.archive,
        symbols=split_symbols(attributes.symbols)[0],
        start_date=attributes.start_date,
        partition_unit=PartitionUnit(attributes.partition_unit),
        lake_raw_url=_read_variable(attributes.lake_raw),
        lake_archive_url=_read_variable(attributes.lake_archive),
        warehouse_url=_read_variable(attributes.warehouse),
    )


def read_market_settings(definitions: dg.Definitions) -> dict[str, Settings]:
    """Return the settings of the further markets of a code location, by name.

    Raises WrongUse for a variable that is not set.
    """
    tree = definitions.component_tree
    markets = tree.get_all_components(of_type=ExchangeCandles) if tree else []
    return {market.attributes.name: build_market_settings(market.attributes) for market in markets}


def _replace_unset_variables(attributes: ExchangeCandlesAttributes) -> ExchangeCandlesAttributes:
    """Replace the stores whose variable is not set by addresses of no store, and log a warning."""
    replaced = {}
    for name in _ADDRESSES:
        found = re.fullmatch(_VARIABLE, getattr(attributes, name))
        if found and not os.environ.get(found[1]):
            replaced[name] = _NO_WAREHOUSE if name == "warehouse" else _NO_LAKE
            _logger.warning(
                "the market %s: the environment variable %s is not set, which `%s` refers to: set "
                "it, and reload the code location; until then the market's runs, schedules and "
                "sensors fail",
                attributes.name,
                found[1],
                name,
            )
    return attributes.model_copy(update=replaced)


def _read_variable(text: str) -> str:
    """Return the value of the variable that `text` names, or `text` if it names none."""
    found = re.fullmatch(_VARIABLE, text)
    if not found:
        return text
    if value := os.environ.get(found[1]):
        return value
    raise WrongUse(f"the environment variable {found[1]} is not set, which {text} refers to")


def _require_own_stores(market: Settings) -> None:
    """Raise WrongUse where a market would write into a store of the default market.

    Two further markets are compared, however they write an address, when their stores are opened.
    """
    home = get_settings()
    lakes = {home.lake_raw_url.rstrip("/"), home.lake_archive_url.rstrip("/")}
    if market.warehouse_url == home.warehouse_url:
        raise WrongUse("the warehouse is that of the settings: a market needs its own")
    for lake in (market.lake_raw_url, market.lake_archive_url):
        if lake.rstrip("/") in lakes:
            raise WrongUse(f"the lake {lake} is that of the settings: a market needs its own")

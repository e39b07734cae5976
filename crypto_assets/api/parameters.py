"""Parameters of requests: symbols, instants, limits; unknown parameters are rejected."""

from datetime import date
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema

from crypto_assets.errors import WrongUse
from crypto_assets.market.instant_parsing import is_ambiguous_number, parse_day, parse_instant
from crypto_assets.market.intervals import Interval
from crypto_assets.market.symbols import TYPED_SYMBOL_PATTERN, parse_symbol
from crypto_assets.market.utc_time import Window

MAX_PAGE_ROWS = 1000
# 9999-12-31T23:59:59.999Z, the last instant that ISO 8601 can express.
_LAST_MS = 253_402_300_799_999
_INSTANT_FORMATS = "2025-01-31, 2025-01-31T12:00:00Z or epoch ms"


def _parse_instant(value: object) -> int:
    try:
        return parse_instant(str(value))
    except WrongUse:
        if is_ambiguous_number(value):
            raise ValueError(
                "it may be a date, seconds or milliseconds:"
                f" write it as {_INSTANT_FORMATS} of 13 digits"
            ) from None
        raise ValueError(f"write it as {_INSTANT_FORMATS}") from None


def _parse_day_text(value: object) -> date:
    if isinstance(value, str):
        try:
            return parse_day(value)
        except WrongUse:
            pass
    raise ValueError("Input should be a valid day: write it as 2025-01-31")


# A query cannot contain null, so the schemas of optional parameters do not list it.
SymbolPath = Annotated[
    str,
    Path(
        description="Symbol, such as BTCUSDT.",
        examples=["BTCUSDT"],
        json_schema_extra={"pattern": TYPED_SYMBOL_PATTERN},
    ),
    AfterValidator(parse_symbol),
]
SymbolQuery = Annotated[
    Annotated[str, AfterValidator(parse_symbol)] | None,
    WithJsonSchema({"type": "string", "pattern": TYPED_SYMBOL_PATTERN}),
    Query(description="Symbol, such as BTCUSDT. Default: all symbols."),
]
InstantInput = Annotated[
    Annotated[int, Field(ge=0, le=_LAST_MS), BeforeValidator(_parse_instant)] | None,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": _LAST_MS},
                {"type": "string", "format": "date"},
                {"type": "string", "format": "date-time"},
            ]
        }
    ),
]
DayInput = Annotated[date, BeforeValidator(_parse_day_text)]
StartQuery = Annotated[InstantInput, Query(description=f"From this time on: {_INSTANT_FORMATS}.")]
EndQuery = Annotated[InstantInput, Query(description=f"Before this time: {_INSTANT_FORMATS}.")]
AfterQuery = Annotated[
    InstantInput, Query(description=f"Gaps that start after this time: {_INSTANT_FORMATS}.")
]
LimitQuery = Annotated[int, Query(ge=1, le=MAX_PAGE_ROWS, description="Maximum number of rows.")]
OffsetQuery = Annotated[
    int,
    Query(ge=0, le=10_000, description="Number of rows to skip. To go further back, use `end`."),
]


class SeriesQuery(BaseModel):
    """The candles to read; `limit` keeps the oldest if both ends are given, else the newest."""

    interval: Interval = Field(Interval.H1, description="Interval of a candle.")
    start: InstantInput = Field(None, description=f"First open time: {_INSTANT_FORMATS}.")
    end: InstantInput = Field(None, description=f"Open times before this one: {_INSTANT_FORMATS}.")
    limit: int = Field(500, ge=1, le=MAX_PAGE_ROWS, description="Maximum number of candles.")


def parse_window(start: int | None, end: int | None) -> Window | None:
    """Return the window between two optional instants, None without either.

    Raises WrongUse if it is empty or reversed.
    """
    if start is None and end is None:
        return None
    window = Window(start or 0, _LAST_MS if end is None else end)
    if not window:
        raise WrongUse(f"start ({start}) must be before end ({end})")
    return window


async def _reject_unknown_parameters(request: Request) -> None:
    route: APIRoute = request.scope["route"]
    if not route.include_in_schema:
        return
    operation = request.app.openapi()["paths"][route.path][request.method.lower()]
    declared = [field for field in operation.get("parameters", ()) if field["in"] == "query"]
    accepts_many = {field["name"]: field["schema"].get("type") == "array" for field in declared}
    for name in request.query_params:
        if name not in accepts_many:
            known = ", ".join(accepts_many) or "none"
            raise WrongUse(f"no parameter {name!r}; available: {known}")
        if len(request.query_params.getlist(name)) > 1 and not accepts_many[name]:
            raise WrongUse(f"{name} is given more than once")


# Rejects every query parameter that the app's own OpenAPI document does not declare.
KnownParametersOnly = Depends(_reject_unknown_parameters)

"""What a request may say: symbols, instants, limits; and that it says nothing unknown."""

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
# 9999-12-31T23:59:59.999Z, the last instant that has a name.
_LAST_MS = 253_402_300_799_999
_INSTANT_FORMATS = "2025-01-31, 2025-01-31T12:00:00Z or epoch ms"


def _parse_instant(given: object) -> int:
    try:
        return parse_instant(str(given))
    except WrongUse:
        doubt = "it may be a date, seconds or milliseconds: " if is_ambiguous_number(given) else ""
        digits = " of 13 digits" if doubt else ""
        raise ValueError(f"{doubt}write it as {_INSTANT_FORMATS}{digits}") from None


def _parse_day_text(given: object) -> date:
    if isinstance(given, str):
        try:
            return parse_day(given)
        except WrongUse:
            pass
    raise ValueError("Input should be a valid day: write it as 2025-01-31")


# A query has no word for null, and its schema none either: what is not given is left out.
SymbolPath = Annotated[
    str,
    Path(
        description="As BTCUSDT.",
        examples=["BTCUSDT"],
        json_schema_extra={"pattern": TYPED_SYMBOL_PATTERN},
    ),
    AfterValidator(parse_symbol),
]
SymbolQuery = Annotated[
    Annotated[str, AfterValidator(parse_symbol)] | None,
    WithJsonSchema({"type": "string", "pattern": TYPED_SYMBOL_PATTERN}),
    Query(description="As BTCUSDT; all if left."),
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
StartQuery = Annotated[InstantInput, Query(description=f"From then on: {_INSTANT_FORMATS}.")]
EndQuery = Annotated[InstantInput, Query(description=f"Before then: {_INSTANT_FORMATS}.")]
AfterQuery = Annotated[
    InstantInput, Query(description=f"Those that begin later: {_INSTANT_FORMATS}.")
]
LimitQuery = Annotated[int, Query(ge=1, le=MAX_PAGE_ROWS, description="Rows at most.")]
OffsetQuery = Annotated[
    int, Query(ge=0, le=10_000, description="Rows to pass over; further back, use `end`.")
]


class SeriesQuery(BaseModel):
    """Which candles. Both ends given, `limit` keeps the oldest, so as to page; else the newest."""

    interval: Interval = Field(Interval.H1, description="Width of a candle.")
    start: InstantInput = Field(None, description=f"First open time: {_INSTANT_FORMATS}.")
    end: InstantInput = Field(None, description=f"Before this open time: {_INSTANT_FORMATS}.")
    limit: int = Field(500, ge=1, le=MAX_PAGE_ROWS, description="Candles at most.")


def parse_window(start: int | None, end: int | None) -> Window | None:
    """The stretch between two instants that may be left open. Raises WrongUse if it is reversed."""
    if start is None and end is None:
        return None
    asked = Window(start or 0, _LAST_MS if end is None else end)
    if not asked:
        raise WrongUse(f"start ({start}) must lie before end ({end})")
    return asked


async def _reject_unknown_parameters(request: Request) -> None:
    route: APIRoute = request.scope["route"]
    if not route.include_in_schema:
        return
    operation = request.app.openapi()["paths"][route.path][request.method.lower()]
    declared = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
    known = {each["name"]: each["schema"].get("type") == "array" for each in declared}
    for name in request.query_params:
        if name not in known:
            raise WrongUse(f"no parameter {name!r}; there are: {', '.join(known) or 'none'}")
        if len(request.query_params.getlist(name)) > 1 and not known[name]:
            raise WrongUse(f"{name} is given more than once")


# By the app's own OpenAPI document: what it does not promise is refused.
KnownParametersOnly = Depends(_reject_unknown_parameters)

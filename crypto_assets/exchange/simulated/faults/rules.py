"""The rules of a fault script, as types: what is matched, and what each kind says."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from crypto_assets.exchange.simulated.faults.flaw_types import ContentFlaw, FileFlaw
from crypto_assets.exchange.simulated.faults.value_changes import DOUBLED_VOLUME, ValueChanges
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.market.instant_parsing import parse_instant


def _to_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else (value,)


def _to_range(value: object) -> object:
    return (value, value) if isinstance(value, int) else value


SymbolNames = Annotated[tuple[str, ...], BeforeValidator(_to_tuple)]
InstantMs = Annotated[int, BeforeValidator(parse_instant)]
Share = Annotated[float, Field(ge=0, lt=1)]


class CandleChannel(StrEnum):
    """By which door candles are read."""

    REST = "rest"
    ARCHIVE = "archive"


@dataclass(frozen=True)
class RequestTarget:
    """What a request is about, as far as it says."""

    path: str
    symbol: str | None = None
    interval: str | None = None
    day: date | None = None


class BaseRule(BaseModel):
    """When a rule applies and to whom; a field that is not given applies to all."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    path: str = "*"
    symbol: SymbolNames | None = None
    interval: KlineInterval | None = None
    day: Annotated[tuple[date, ...], BeforeValidator(_to_tuple)] | None = None
    since: InstantMs | None = Field(default=None, alias="from")
    until: InstantMs | None = None

    def is_active(self, now: int) -> bool:
        return (self.since or 0) <= now and (self.until is None or now < self.until)

    def concerns_symbol(self, symbol: str) -> bool:
        return self.symbol is None or symbol in self.symbol

    def matches_request(self, asked: RequestTarget, now: int) -> bool:
        return (
            self.is_active(now)
            and fnmatchcase(asked.path, self.path)
            and (self.symbol is None or asked.symbol in self.symbol)
            and (self.interval is None or asked.interval == self.interval)
            and (self.day is None or asked.day in self.day)
        )


class BaseResponseRule(BaseRule):
    """A rule for single answers; `nth` counts the requests to which the rest applies."""

    nth: Annotated[tuple[int, int], BeforeValidator(_to_range)] | None = None


class StatusRule(BaseResponseRule):
    do: Literal["status"]
    status: Literal[403, 418, 429, 451, 500, 502, 503, 504, 520, 522, 524]
    retry_after: Annotated[int, Field(ge=0)] | None = None


class StallRule(BaseResponseRule):
    do: Literal["stall"]
    seconds: Annotated[float, Field(ge=0)]


class SkewRule(BaseResponseRule):
    do: Literal["skew"]
    seconds: float


class CutRule(BaseResponseRule):
    do: Literal["cut"]
    keep: Share = 0.5


class TruncateRule(BaseResponseRule):
    do: Literal["truncate"]
    keep: Share = 0.5


class MalformedRule(BaseResponseRule):
    do: Literal["malformed"]
    body: str = "<html><body>Bad gateway"
    media_type: str = "application/json;charset=UTF-8"


class SpoilRule(BaseResponseRule):
    do: Literal["spoil"]
    how: ContentFlaw
    row: int | None = None


class ArchiveRule(BaseRule):
    """A flaw of a day's file; see FileFlaw."""

    do: Literal["archive"]
    how: FileFlaw | ContentFlaw
    keep: Share = 0.5
    hours: Annotated[float, Field(ge=0)] = 48
    other: str | None = None
    row: int | None = None


class MinuteRangeRule(BaseRule):
    """A rule about minutes that open from `start` to `end` (exclusive)."""

    start: InstantMs
    end: InstantMs
    channel: Literal["rest", "archive", "both"] = Field(default="both", alias="in")

    def applies_to_channel(self, channel: CandleChannel) -> bool:
        return self.channel in ("both", channel)


class OutageRule(MinuteRangeRule):
    do: Literal["outage"]


class ReviseRule(MinuteRangeRule):
    do: Literal["revise"]
    change: ValueChanges = DOUBLED_VOLUME


class ListRule(BaseRule):
    """The symbol appears `at`."""

    do: Literal["list"]
    symbol: SymbolNames
    at: InstantMs


class DelistRule(BaseRule):
    """The symbol stops `at`."""

    do: Literal["delist"]
    symbol: SymbolNames
    at: InstantMs


MarketRule = OutageRule | ReviseRule | ListRule | DelistRule
ResponseRule = (
    StatusRule | StallRule | SkewRule | CutRule | TruncateRule | MalformedRule | SpoilRule
)
FaultRule = Annotated[ResponseRule | ArchiveRule | MarketRule, Field(discriminator="do")]

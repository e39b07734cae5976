"""The rules of a fault script, as types: what is matched, and what each kind says."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from crypto_assets.exchange.simulated.faults.flaw_types import FileFlaw, Spoilage
from crypto_assets.exchange.simulated.faults.value_changes import DOUBLED_VOLUME, Changes
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.market.instant_parsing import parse_instant


def _several(value: object) -> object:
    return tuple(value) if isinstance(value, list) else (value,)


def _stretch(value: object) -> object:
    return (value, value) if isinstance(value, int) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]
Instant = Annotated[int, BeforeValidator(parse_instant)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Channel(StrEnum):
    """By which door candles are read."""

    REST = "rest"
    ARCHIVE = "archive"


@dataclass(frozen=True)
class Asked:
    """What a request is about, as far as it says."""

    path: str
    symbol: str | None = None
    interval: str | None = None
    day: date | None = None


class Rule(BaseModel):
    """When a rule applies and to whom; a field that is not given applies to all."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    path: str = "*"
    symbol: Names | None = None
    interval: KlineInterval | None = None
    day: Annotated[tuple[date, ...], BeforeValidator(_several)] | None = None
    since: Instant | None = Field(default=None, alias="from")
    until: Instant | None = None

    def active(self, now: int) -> bool:
        return (self.since or 0) <= now and (self.until is None or now < self.until)

    def concerns(self, symbol: str) -> bool:
        return self.symbol is None or symbol in self.symbol

    def applies(self, asked: Asked, now: int) -> bool:
        return (
            self.active(now)
            and fnmatchcase(asked.path, self.path)
            and (self.symbol is None or asked.symbol in self.symbol)
            and (self.interval is None or asked.interval == self.interval)
            and (self.day is None or asked.day in self.day)
        )


class AnswerRule(Rule):
    """A rule for single answers; `nth` counts the requests to which the rest applies."""

    nth: Annotated[tuple[int, int], BeforeValidator(_stretch)] | None = None


class Status(AnswerRule):
    do: Literal["status"]
    status: Literal[403, 418, 429, 451, 500, 502, 503, 504, 520, 522, 524]
    retry_after: Annotated[int, Field(ge=0)] | None = None


class Stall(AnswerRule):
    do: Literal["stall"]
    seconds: Annotated[float, Field(ge=0)]


class Skew(AnswerRule):
    do: Literal["skew"]
    seconds: float


class Cut(AnswerRule):
    do: Literal["cut"]
    keep: Share = 0.5


class Truncate(AnswerRule):
    do: Literal["truncate"]
    keep: Share = 0.5


class Malformed(AnswerRule):
    do: Literal["malformed"]
    body: str = "<html><body>Bad gateway"
    media_type: str = "application/json;charset=UTF-8"


class Spoil(AnswerRule):
    do: Literal["spoil"]
    how: Spoilage
    row: int | None = None


class Archive(Rule):
    """A flaw of a day's file; see FileFlaw."""

    do: Literal["archive"]
    how: FileFlaw | Spoilage
    keep: Share = 0.5
    hours: Annotated[float, Field(ge=0)] = 48
    other: str | None = None
    row: int | None = None


class Stretch(Rule):
    """A rule about minutes that open from `start` to `end` (exclusive)."""

    start: Instant
    end: Instant
    channel: Literal["rest", "archive", "both"] = Field(default="both", alias="in")

    def read_by(self, channel: Channel) -> bool:
        return self.channel in ("both", channel)


class Outage(Stretch):
    do: Literal["outage"]


class Revise(Stretch):
    do: Literal["revise"]
    change: Changes = DOUBLED_VOLUME


class List(Rule):
    """The symbol appears `at`."""

    do: Literal["list"]
    symbol: Names
    at: Instant


class Delist(Rule):
    """The symbol stops `at`."""

    do: Literal["delist"]
    symbol: Names
    at: Instant


MarketRule = Outage | Revise | List | Delist
AnyAnswer = Status | Stall | Skew | Cut | Truncate | Malformed | Spoil
AnyRule = Annotated[AnyAnswer | Archive | MarketRule, Field(discriminator="do")]

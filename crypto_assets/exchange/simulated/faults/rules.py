"""The rules of a fault script: their conditions, and the parameters of each kind."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

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


class ContentFlaw(StrEnum):
    """A flaw of the content; the first nine affect a row, the last four an order book."""

    ARITY = "arity"  # a row lacks its last field
    NAN = "nan"  # a close of NaN
    NEGATIVE_VOLUME = "negative_volume"
    HIGH_BELOW_LOW = "high_below_low"
    TAKER_ABOVE_VOLUME = "taker_above_volume"
    OTHER_DAY = "other_day"  # a row shifted by one day
    NULL = "null"  # a volume of null
    DUPLICATE = "duplicate"  # a repeated row
    HOLE = "hole"  # a missing row
    DESCENDING = "descending"  # newest row first
    NO_ROWS = "no_rows"  # an empty array
    NOT_ROWS = "not_rows"  # an object instead of an array
    CROSSED = "crossed"  # best bid above best ask
    UNSORTED = "unsorted"
    NO_BIDS = "no_bids"
    ZERO_QUANTITY = "zero_quantity"


class FileFlaw(StrEnum):
    """A flaw of a day's file. Except where stated, the CHECKSUM matches the file."""

    MISSING = "missing"  # neither zip nor CHECKSUM
    LATE = "late"  # both appear `hours` after the day's end
    NO_CHECKSUM = "no_checksum"  # only the zip
    WRONG_CHECKSUM = "wrong_checksum"  # a digest of other content
    CORRUPT = "corrupt"  # bytes of the zip that do not match the CHECKSUM
    NO_ZIP = "no_zip"  # bytes that are not a zip
    NO_BYTES = "no_bytes"  # a file of length 0
    NO_MEMBER = "no_member"  # a zip without members
    EMPTY = "empty"  # a CSV without lines
    SHORT = "short"  # only the share `keep` of the rows, the earliest
    WRONG_SYMBOL = "wrong_symbol"  # the CSV is that of the symbol `other`
    HEADER_ROW = "header_row"
    MICROSECONDS = "microseconds"  # in a year of milliseconds
    MILLISECONDS = "milliseconds"  # in a year of microseconds


class CandleChannel(StrEnum):
    """The channel by which candles are read."""

    REST = "rest"
    ARCHIVE = "archive"


@dataclass(frozen=True)
class RequestTarget:
    """The path of a request, and the symbol, interval and day that it names."""

    path: str
    symbol: str | None = None
    interval: str | None = None
    day: date | None = None


class BaseRule(BaseModel):
    """The conditions of a rule; a field without a value matches everything."""

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

    def matches_request(self, target: RequestTarget, now: int) -> bool:
        return (
            self.is_active(now)
            and fnmatchcase(target.path, self.path)
            and (self.symbol is None or target.symbol in self.symbol)
            and (self.interval is None or target.interval == self.interval)
            and (self.day is None or target.day in self.day)
        )


class BaseResponseRule(BaseRule):
    """A rule for single responses; `nth` counts the requests that meet all other conditions."""

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
    """A flaw of an archive file."""

    do: Literal["archive"]
    how: FileFlaw | ContentFlaw
    keep: Share = 0.5
    hours: Annotated[float, Field(ge=0)] = 48
    other: str | None = None
    row: int | None = None


class MinuteRangeRule(BaseRule):
    """A rule for minutes that open from `start` to `end` (exclusive)."""

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
    """The symbol is listed `at`."""

    do: Literal["list"]
    symbol: SymbolNames
    at: InstantMs


class DelistRule(BaseRule):
    """The symbol stops trading `at`."""

    do: Literal["delist"]
    symbol: SymbolNames
    at: InstantMs


MarketRule = OutageRule | ReviseRule | ListRule | DelistRule
ResponseRule = (
    StatusRule | StallRule | SkewRule | CutRule | TruncateRule | MalformedRule | SpoilRule
)
FaultRule = Annotated[ResponseRule | ArchiveRule | MarketRule, Field(discriminator="do")]

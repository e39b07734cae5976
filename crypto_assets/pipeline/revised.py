"""Differences that a known revision explains: their candle is built from what was before it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from crypto_assets.market.candles import CANDLE_SCHEMA, Candle, candles_from_table
from crypto_assets.market.clock import Window, isoformat
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import roll_up
from crypto_assets.pipeline.consistency import PERIOD_VALUES
from crypto_assets.pipeline.differences import Difference, Yardstick
from crypto_assets.pipeline.platform import Platform
from crypto_assets.warehouse.revisions import Revision

_MOST_REVISIONS = 100_000


@dataclass(frozen=True)
class Explained:
    """A difference and the revision that accounts for it."""

    difference: Difference
    by: str

    def __str__(self) -> str:
        return f"{self.difference} ({self.by})"


def explain(
    platform: Platform, yardstick: Yardstick, found: Sequence[Difference], theirs: pa.Table
) -> tuple[list[Difference], list[Explained]]:
    """Parts differences from the exchange's periods into unexplained and explained ones.

    A period is explained if its minutes, as they were held before a recorded revision, give the
    exchange's candle: then it has revised its minutes and not (yet) the larger candle, or the
    other way round.
    """
    candles = {candle.open_time: candle for candle in candles_from_table(theirs)}
    reasons: dict[int, str | None] = {}
    for one in found:
        if one.open_time not in reasons:
            their = candles.get(one.open_time)
            known = _reason(platform, yardstick, one.interval, their) if their else None
            reasons[one.open_time] = known
    explained = [Explained(one, by) for one in found if (by := reasons[one.open_time])]
    return [one for one in found if not reasons[one.open_time]], explained


def _reason(
    platform: Platform, yardstick: Yardstick, interval: Interval, their: Candle
) -> str | None:
    window = Window(their.open_time, their.open_time + interval.ms)
    warehouse = platform.warehouse
    revisions = warehouse.revisions.list(yardstick.symbol, window, limit=_MOST_REVISIONS)
    if not revisions:
        return None
    minutes = warehouse.facts.read(yardstick.symbol, window)
    held = {candle.open_time: candle for candle in candles_from_table(minutes)}
    for fetched_at in sorted({revision.new_fetched_at for revision in revisions}, reverse=True):
        before = held | _before(revisions, fetched_at)
        if _gives(yardstick, before.values(), interval, their):
            count = sum(revision.new_fetched_at >= fetched_at for revision in revisions)
            return f"known: {count} revisions fetched from {isoformat(fetched_at)} on"
    return None


def _before(revisions: Sequence[Revision], fetched_at: int) -> dict[int, Candle]:
    """The minutes that were changed from that fetch on, as they were before it."""
    found: dict[int, Candle] = {}
    for revision in sorted(revisions, key=lambda one: one.new_fetched_at, reverse=True):
        if revision.new_fetched_at >= fetched_at:
            found[revision.open_time] = revision.old
    return found


def _gives(
    yardstick: Yardstick, minutes: Iterable[Candle], interval: Interval, their: Candle
) -> bool:
    rows = pa.Table.from_pylist([vars(minute) for minute in minutes], CANDLE_SCHEMA)
    (ours,) = candles_from_table(roll_up(rows, interval))
    return all(yardstick.equal(getattr(ours, n), getattr(their, n)) for n in PERIOD_VALUES)

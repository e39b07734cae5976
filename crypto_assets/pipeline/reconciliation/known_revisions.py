"""Explains a difference by a recorded revision: the minutes before it give that candle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from crypto_assets.market.candles import Candle, candles_from_table
from crypto_assets.market.utc_time import format_utc
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.refused_minutes import find_refused_candles
from crypto_assets.pipeline.reconciliation.diff import CandleComparer, Difference
from crypto_assets.pipeline.reconciliation.exchange_periods import (
    ExchangePeriod,
    matches_exchange_candle,
    table_from_candles,
)
from crypto_assets.warehouse.klines.revisions import Revision

_MOST_REVISIONS = 100_000


@dataclass(frozen=True)
class ExplainedDifference:
    """A difference and what accounts for it: revisions, or rows that were refused."""

    difference: Difference
    by: str

    def __str__(self) -> str:
        return f"{self.difference} ({self.by})"


def find_known_revision(
    platform: PipelineContext, yardstick: CandleComparer, period: ExchangePeriod
) -> str | None:
    """Return the revisions or refused rows that account for a period's difference, in words.

    They do if the period's minutes, as stored before a revision, give the exchange's candle: the
    exchange has revised its minutes and not (yet) the larger candle, or the other way round. So do
    rows that cannot be true, if the stored minutes give the candle together with them.
    """
    if period.exchange_candle is None:
        return None
    warehouse = platform.warehouse
    revisions = warehouse.revisions.list_revisions(
        yardstick.symbol, period.window, limit=_MOST_REVISIONS
    )
    refused = find_refused_candles(warehouse, yardstick.symbol, period.window)
    if not revisions and not refused:
        return None
    minutes = warehouse.facts.read_candles(yardstick.symbol, period.window)
    held = {candle.open_time: candle for candle in candles_from_table(minutes)}
    if refused and matches_exchange_candle(yardstick, _build_table({**held, **refused}), period):
        return f"known: built with {len(refused)} minutes that cannot be true, and are not stored"
    for fetched_at in sorted({revision.new_fetched_at for revision in revisions}, reverse=True):
        before = held | _list_previous_candles(revisions, fetched_at)
        if matches_exchange_candle(yardstick, _build_table(before), period):
            count = sum(revision.new_fetched_at >= fetched_at for revision in revisions)
            return f"known: {count} revisions fetched from {format_utc(fetched_at)} on"
    return None


def _list_previous_candles(revisions: Sequence[Revision], fetched_at: int) -> dict[int, Candle]:
    """The minutes that were changed from that fetch on, as they were before it."""
    found: dict[int, Candle] = {}
    for revision in sorted(revisions, key=lambda one: one.new_fetched_at, reverse=True):
        if revision.new_fetched_at >= fetched_at:
            found[revision.open_time] = revision.old
    return found


def _build_table(minutes: Mapping[int, Candle]) -> pa.Table:
    """Minutes by open time as a table, ascending."""
    return table_from_candles([minutes[at] for at in sorted(minutes)])

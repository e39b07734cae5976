"""Explains a difference by recorded revisions or by refused rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from crypto_assets.market.candles import Candle, candles_from_table, table_from_candles
from crypto_assets.market.utc_time import format_utc
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.refused_minutes import find_refused_candles
from crypto_assets.pipeline.reconciliation.candle_comparer import CandleComparer, Difference
from crypto_assets.pipeline.reconciliation.compare_with_exchange import (
    ExchangePeriod,
    matches_exchange_candle,
)
from crypto_assets.warehouse.klines.revisions import Revision

_MAX_REVISIONS = 100_000

CandlesByTime = Mapping[int, Candle]


@dataclass(frozen=True)
class ExplainedDifference:
    """A difference and its explanation in words."""

    difference: Difference
    by: str

    def __str__(self) -> str:
        return f"{self.difference} ({self.by})"


def explain_difference(
    context: PipelineContext, comparer: CandleComparer, period: ExchangePeriod
) -> str | None:
    """Explain why a period differs by refused rows or known revisions; None where neither does.

    Refused rows explain it if the stored minutes together with them give the exchange's candle.
    Revisions do if the minutes as stored before a revision give it: the exchange has revised its
    minutes and not (yet) the larger candle, or the other way round.
    """
    if period.exchange_candle is None:
        return None
    warehouse = context.warehouse
    revisions = warehouse.revisions.list_revisions(
        comparer.symbol, period.window, limit=_MAX_REVISIONS
    )
    refused = find_refused_candles(warehouse, comparer.symbol, period.window)
    if not revisions and not refused:
        return None
    minutes = warehouse.facts.read_candles(comparer.symbol, period.window)
    stored = {candle.open_time: candle for candle in candles_from_table(minutes)}
    return _explain_by_refused_rows(comparer, period, stored, refused) or _explain_by_revisions(
        comparer, period, stored, revisions
    )


def _explain_by_refused_rows(
    comparer: CandleComparer, period: ExchangePeriod, stored: CandlesByTime, refused: CandlesByTime
) -> str | None:
    if refused and matches_exchange_candle(comparer, _build_table({**stored, **refused}), period):
        return f"explained: built with {len(refused)} invalid minutes, which are not stored"
    return None


def _explain_by_revisions(
    comparer: CandleComparer,
    period: ExchangePeriod,
    stored: CandlesByTime,
    revisions: Sequence[Revision],
) -> str | None:
    """Undo the revisions fetch by fetch, newest first, until the minutes give the candle."""
    for fetched_at in sorted({revision.new_fetched_at for revision in revisions}, reverse=True):
        undone = [revision for revision in revisions if revision.new_fetched_at >= fetched_at]
        # Of several revisions of a minute the oldest has the version before all of them.
        undone.sort(key=lambda revision: revision.new_fetched_at, reverse=True)
        before = {**stored, **{revision.open_time: revision.old for revision in undone}}
        if matches_exchange_candle(comparer, _build_table(before), period):
            return f"explained: {len(undone)} revisions fetched from {format_utc(fetched_at)} on"
    return None


def _build_table(minutes: CandlesByTime) -> pa.Table:
    return table_from_candles([minutes[at] for at in sorted(minutes)])

"""What happened to the candles of a chart: gaps, outages, and revisions, as its markers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import Any

from crypto_assets.market.candles import VALUE_COLUMNS
from crypto_assets.market.intervals import Interval
from crypto_assets.market.price_alerts import format_level
from crypto_assets.market.utc_time import MINUTE_MS, Window
from crypto_assets.reports import CandleGap
from crypto_assets.warehouse.klines.revisions import Revision
from crypto_assets.warehouse.quality.gap_ledger import Gap, GapClass
from streamlit_app.figures.gap_labels import describe_gap_reason

# A message has no more markers of one kind, the newest ones.
MAX_EVENTS = 500
_MAX_LISTED_COLUMNS = 3


class ChartEventKind(StrEnum):
    """The look of a marker, by `markers.js`."""

    MISSING = "missing"
    OUTAGE = "outage"
    EXPLAINED = "explained"
    REVISION = "revision"


@dataclass(frozen=True)
class ChartEvent:
    """A marker: the minutes that it is about, what happened, and when that was recorded.

    `recorded_at` is in epoch ms, None if it is not known.
    """

    kind: ChartEventKind
    window: Window
    title: str
    detail: str = ""
    recorded_at: int | None = None

    def describe(self) -> dict[str, Any]:
        """Return what `markers.js` draws."""
        return {
            "kind": self.kind,
            "from": self.window.start_ms,
            "to": self.window.end_ms,
            "title": self.title,
            "detail": self.detail,
            "at": self.recorded_at,
        }


def build_chart_events(
    interval: Interval,
    ledger: Iterable[Gap],
    shown: Iterable[CandleGap],
    revisions: Sequence[Revision],
) -> list[ChartEvent]:
    """Build the events of a chart, at most MAX_EVENTS of each kind.

    `shown` are the gaps between its candles, of which the ledger may not list some; `ledger` and
    `revisions` begin with the newest.
    """
    unlisted = [
        ChartEvent(ChartEventKind.MISSING, gap.window, describe_gap_reason(None))
        for gap in shown
        if gap.gap_class is None
    ]
    listed = [_describe_gap(gap) for gap in ledger]
    revised = [
        _describe_revisions(list(group))
        for _, group in groupby(revisions, key=lambda one: interval.floor(one.open_time))
    ]
    return [*listed[:MAX_EVENTS], *unlisted[-MAX_EVENTS:], *revised[:MAX_EVENTS]]


def _describe_gap(gap: Gap) -> ChartEvent:
    if gap.gap_class is GapClass.OUTAGE:
        kind = ChartEventKind.OUTAGE
    else:
        kind = ChartEventKind.EXPLAINED if gap.gap_class.is_explained else ChartEventKind.MISSING
    minutes = "1 minute" if gap.minutes == 1 else f"{gap.minutes:,} minutes"
    detail = ": ".join(filter(None, [f"{minutes} missing", gap.evidence]))
    return ChartEvent(kind, gap.window, describe_gap_reason(gap.gap_class), detail, gap.first_seen)


def _describe_revisions(revisions: Sequence[Revision]) -> ChartEvent:
    """Describe the revisions of a candle's minutes, the newest minute first."""
    newest = revisions[0]
    minutes = {revision.open_time for revision in revisions}
    return ChartEvent(
        ChartEventKind.REVISION,
        Window(min(minutes), max(minutes) + MINUTE_MS),
        "Revised" if len(minutes) == 1 else f"Revised: {len(minutes):,} minutes",
        _format_change(newest),
        max(revision.noted_at for revision in revisions),
    )


def _format_change(revision: Revision) -> str:
    """`close 100.1 to 100.2, volume 3 to 4, and 2 more (rest, then archive)`."""
    changes = [
        f"{name.replace('_', ' ')} {_format_number(old)} to {_format_number(new)}"
        for name in VALUE_COLUMNS
        if (old := getattr(revision.old, name)) != (new := getattr(revision.new, name))
    ]
    shown = changes[:_MAX_LISTED_COLUMNS]
    if more := len(changes) - len(shown):
        shown.append(f"and {more} more")
    return f"{', '.join(shown)} ({revision.old_source}, then {revision.new_source})"


def _format_number(value: Decimal | int) -> str:
    return format_level(Decimal(str(value)))

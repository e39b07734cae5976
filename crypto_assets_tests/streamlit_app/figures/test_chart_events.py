"""The events that the candle chart marks: gaps by their class, and revisions by candle."""

from dataclasses import replace
from decimal import Decimal

from crypto_assets.market.candles import Candle
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window
from crypto_assets.reports import CandleGap
from crypto_assets.warehouse.klines.revisions import Revision
from crypto_assets.warehouse.quality.gap_ledger import Gap, GapClass
from streamlit_app.figures.chart_events import (
    MAX_EVENTS,
    ChartEvent,
    ChartEventKind,
    build_chart_events,
)

START = 1_741_219_200_000  # Thursday 2025-03-06 00:00 UTC
OUTAGE = Gap(
    symbol="BTCUSDT",
    start=START,
    end=START + 89 * MINUTE_MS,
    minutes=90,
    gap_class=GapClass.OUTAGE,
    evidence="none on REST",
    first_seen=START + HOUR_MS,
    closed_at=None,
    attempts=3,
    next_retry_at=None,
)


def revise(minute: int, noted_at: int = 0) -> Revision:
    """Return a revision of close and volume of a minute after START."""
    old = Candle(
        START + minute * MINUTE_MS,
        *map(Decimal, ("100", "101", "99", "100.50", "3")),
        START + minute * MINUTE_MS + 59_999,
        Decimal(300),
        7,
        Decimal(1),
        Decimal(100),
    )
    new = replace(old, close=Decimal("100.75"), volume=Decimal(1234))
    return Revision("BTCUSDT", old.open_time, old, 1, "rest", new, 2, "archive", noted_at)


def build(*revisions: Revision, interval: Interval = Interval.H1) -> list[ChartEvent]:
    return build_chart_events(interval, [], [], revisions)


def test_gaps_are_marked_by_their_class_with_all_their_minutes() -> None:
    late = replace(OUTAGE, gap_class=GapClass.ARCHIVE_LATE, minutes=1, evidence="")
    listed = CandleGap(OUTAGE.window, GapClass.OUTAGE)
    unlisted = CandleGap(Window(START, START + HOUR_MS), None)
    ledger = [OUTAGE, replace(OUTAGE, gap_class=GapClass.REFUSED), late]
    found = build_chart_events(Interval.H1, ledger, [listed, unlisted], [])
    assert [event.kind for event in found] == ["outage", "explained", "missing", "missing"]
    outage = found[0].describe()
    assert (outage["from"], outage["to"]) == (START, START + 90 * MINUTE_MS)
    assert (outage["title"], outage["detail"]) == ("Outage", "90 minutes missing: none on REST")
    assert outage["at"] == START + HOUR_MS
    assert (found[2].title, found[2].detail) == ("Archive is late", "1 minute missing")
    assert found[3].title == "Missing, not explained yet"


def test_a_revision_names_the_columns_that_changed() -> None:
    (event,) = build(revise(5, noted_at=START + HOUR_MS))
    assert (event.kind, event.title) == (ChartEventKind.REVISION, "Revised")
    assert event.window == Window(START + 5 * MINUTE_MS, START + 6 * MINUTE_MS)
    assert event.detail == "close 100.5 to 100.75, volume 3 to 1,234 (rest, then archive)"
    assert event.recorded_at == START + HOUR_MS


def test_the_revised_minutes_of_a_candle_are_one_event() -> None:
    revisions = [revise(119), revise(61), revise(60), revise(5)]
    first, second = build(*revisions)
    assert first.title == "Revised: 3 minutes"
    assert first.window == Window(START + HOUR_MS, START + 2 * HOUR_MS)
    assert second.window.start_ms == START + 5 * MINUTE_MS
    assert len(build(*revisions, interval=Interval.M1)) == 4


def test_the_events_of_each_kind_are_bounded_and_the_newest_are_kept() -> None:
    newest_first = [revise(minute) for minute in range(3 * MAX_EVENTS, 0, -1)]
    gaps = [replace(OUTAGE, start=one.open_time, end=one.open_time) for one in newest_first]
    found = build_chart_events(Interval.M1, gaps, [], newest_first)
    assert len(found) == 2 * MAX_EVENTS
    assert min(event.window.start_ms for event in found) > START + MAX_EVENTS * MINUTE_MS

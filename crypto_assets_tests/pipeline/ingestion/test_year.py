"""A year of one symbol with outages, late archives and revisions: all of them are recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_of,
    floor_ms,
    format_utc,
)
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets_tests.pipeline.conftest import BuildPlatform, run_ingest
from crypto_assets_tests.services.exchange import StartExchange

FIRST = date(2025, 1, 1)
YEAR = Window.of_days(FIRST, date(2025, 12, 31))
# Each visit ingests six days: none is a week old then, so each is fetched again at the next visit.
# Two more visits fetch the year's last days again.
STEP = timedelta(days=6)
STEP_MS = 6 * DAY_MS
VISITS = 63
MORNING = 7 * HOUR_MS + MINUTE_MS // 2
OUTAGES, LATE, REVISIONS = 20, 15, 25
CHANGE = {"volume": "*2", "quote_volume": "*2", "trade_count": "+7"}

Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is planted: windows without candles, days whose file is late, revised minutes."""

    outages: tuple[Window, ...]
    late: tuple[date, ...]
    revised: tuple[Window, ...]
    rules: tuple[Rule, ...]


def make_plan(random: Random) -> Plan:
    taken: list[Window] = []

    def pick_window(longest: int) -> Window:
        """A window of some minutes after the first day, an hour apart from all others."""
        while True:
            length = min(random.randint(1, longest), random.randint(1, longest)) * MINUTE_MS
            start = random.randrange(YEAR.start_ms + DAY_MS, YEAR.end_ms - length, MINUTE_MS)
            found = Window(start, start + length)
            if not any(Window(start - HOUR_MS, found.end_ms + HOUR_MS) & one for one in taken):
                taken.append(found)
                return found

    outages = tuple(pick_window(600) for _ in range(OUTAGES))
    revised = tuple(pick_window(6) for _ in range(REVISIONS))
    days = random.sample(list(YEAR.iter_days())[1:], LATE)
    rules: list[Rule] = [{"do": "outage", **_span(one)} for one in outages]
    rules += [
        {"do": "archive", "how": "late", "hours": random.randint(30, 250), "day": str(day)}
        for day in days
    ]
    for one in revised:
        appears = _read_at(one.start_ms) + random.randint(HOUR_MS, STEP_MS - HOUR_MS)
        rules.append({"do": "revise", **_span(one), "from": appears, "change": CHANGE})
    return Plan(outages, tuple(sorted(days)), revised, tuple(rules))


def _span(window: Window) -> dict[str, str]:
    return {"start": format_utc(window.start_ms), "end": format_utc(window.end_ms)}


def _read_at(ms: int) -> int:
    """When a minute is first loaded: on the morning after the last of its six days."""
    visit = (ms - YEAR.start_ms) // STEP_MS
    return _morning(visit)


def _morning(visit: int) -> int:
    return YEAR.start_ms + (visit + 1) * STEP_MS + MORNING


@pytest.mark.slow
def test_exactly_what_was_planted_is_recorded(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    planted = make_plan(Random(20250101))
    server = simulated_exchange(now=YEAR.start_ms + HOUR_MS, faults=planted.rules)
    platform = build_platform(server)
    for visit in range(VISITS):
        server.clock.set_time(_morning(visit))
        first = FIRST + visit * STEP
        last = first + STEP - timedelta(days=1)
        outcomes = run_ingest(platform, first=first, last=last)
        early = last - timedelta(days=31)
        outcomes += run_ingest(platform, first=early, last=last, mode=IngestMode.CLOSING)
        assert [outcome.error for outcome in outcomes if outcome.error] == []

    found = verify_symbol(platform, "BTCUSDT", YEAR)
    assert (found.differences, found.explained, found.not_loaded, found.lost) == ((), (), (), ())
    lost = sum(_minutes(one) for one in planted.outages)
    assert found.minutes == 365 * 1440 - lost
    assert found.compared == 365 * 25 - sum(_whole_hours(one) for one in planted.outages)

    ledger = platform.warehouse.gap_ledger.list_gaps(closed=True)
    assert [(g.start, g.end + MINUTE_MS, g.gap_class.value, g.closed_at) for g in ledger] == [
        (one.start_ms, one.end_ms, "outage", None) for one in sorted(planted.outages)
    ]
    revisions = platform.warehouse.revisions.list_revisions("BTCUSDT")
    assert [revision.open_time for revision in revisions] == [
        at for one in sorted(planted.revised) for at in range(one.start_ms, one.end_ms, MINUTE_MS)
    ]
    for old, new in ((revision.old, revision.new) for revision in revisions):
        doubled = replace(old, volume=old.volume * 2, quote_volume=old.quote_volume * 2)
        assert new == replace(doubled, trade_count=old.trade_count + 7)
    objects = platform.warehouse.lake_objects.list_in_window("BTCUSDT", ObjectKind.KLINES, YEAR)
    archived = {day_of(item.first_time) for item in objects if item.source is Source.ARCHIVE}
    assert archived == set(YEAR.iter_days()), "the late ones too"
    assert platform.warehouse.quarantine.count_records() == 0


def _minutes(window: Window) -> int:
    return (window.end_ms - window.start_ms) // MINUTE_MS


def _whole_hours(window: Window) -> int:
    """Hours without any published minute."""
    first, last = floor_ms(window.start_ms - 1, HOUR_MS), floor_ms(window.end_ms, HOUR_MS)
    return max(0, (last - first) // HOUR_MS - 1)

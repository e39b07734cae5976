"""Rows that cannot be true: each minute becomes a refused gap and keeps no other gap open."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_start_ms,
    format_utc,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import record_gaps
from crypto_assets.pipeline.ingestion.gap_retry import list_due_gaps
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.reconciliation.asset_checks import DayCheck, run_day_checks
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.pipeline.recovery.rebuild import rebuild_from_lake
from crypto_assets.reports.coverage_calendar import DayState, build_coverage_calendar
from crypto_assets.warehouse import GapClass
from crypto_assets_tests.pipeline.conftest import BuildPlatform, open_times, run_ingest
from crypto_assets_tests.services.exchange import ExchangeServer, StartExchange

DAY = date(2025, 3, 4)
START = day_start_ms(DAY)
OUTAGE = range(831, 1080)  # minutes of the day: 13:51 to 17:59
REFUSED = 840
AROUND = [
    ("outage", 831, 9),
    ("refused", REFUSED, 1),
    ("outage", 841, 239),
]
_HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,trade_count"


def row(minute: int, *, closes: int = MINUTE_MS - 1) -> str:
    opened = START + minute * MINUTE_MS
    return f"{opened},100,101,99,100.5,2,{opened + closes},201,3"


def write_candles(folder: Path, wrong: Sequence[int] = (REFUSED,)) -> Path:
    """Two days and some hours with an outage, in which some rows close before they open."""
    minutes = [n for n in range(2 * 1440 + 180) if n not in OUTAGE]
    rows = {n: row(n) for n in minutes} | {n: row(n, closes=-759_000) for n in wrong}
    folder.mkdir()
    text = "\n".join([_HEADER, *(rows[n] for n in sorted(rows))]) + "\n"
    (folder / "BTCUSDT-1m.csv").write_text(text)
    for name, width in (("1h", 60), ("1d", 1440)):
        periods: dict[int, int] = {}
        for n in rows:
            periods[n // width] = periods.get(n // width, 0) + 1
        lines = [
            f"{START + at * width * MINUTE_MS},100,101,99,100.5,{2 * count},"
            f"{START + (at + 1) * width * MINUTE_MS - 1},{201 * count},{3 * count}"
            for at, count in sorted(periods.items())
        ]
        (folder / f"BTCUSDT-{name}.csv").write_text("\n".join([_HEADER, *lines]) + "\n")
    return folder


def ledger(platform: PipelineContext) -> list[tuple[str, int, int]]:
    """(class, first missing minute of the day, minutes) of each gap."""
    return [
        (gap.gap_class.value, (gap.start - START) // MINUTE_MS, gap.minutes)
        for gap in platform.warehouse.gap_ledger.list_gaps()
    ]


@pytest.fixture
def server(simulated_exchange: StartExchange, tmp_path: Path) -> ExchangeServer:
    now = START + 2 * DAY_MS + 2 * HOUR_MS
    return simulated_exchange(now=now, data=write_candles(tmp_path / "data"))


@pytest.fixture
def platform(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    return build_platform(server)


def test_a_refused_minute_is_a_gap_of_its_own_and_the_rest_is_an_outage(
    platform: PipelineContext,
) -> None:
    outcomes = run_ingest(platform, first=DAY, last=DAY)
    assert not [one for one in outcomes if one.error]
    assert ledger(platform) == AROUND
    refused = platform.warehouse.gap_ledger.list_gaps()[1]
    assert refused.gap_class is GapClass.REFUSED
    assert "close time before open time" in refused.evidence
    assert list_due_gaps(platform) == []


def test_a_minute_that_only_the_archive_has_wrong_is_refused(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    span = START + REFUSED * MINUTE_MS, START + (REFUSED + 1) * MINUTE_MS
    server.faults.add_rule(
        {"do": "outage", "start": format_utc(span[0]), "end": format_utc(span[1]), "in": "rest"}
    )
    run_ingest(platform, first=DAY, last=DAY)
    assert ledger(platform) == AROUND
    evidence = platform.warehouse.gap_ledger.list_gaps()[1].evidence
    assert "REST returned no candle of the gap" in evidence


@pytest.mark.parametrize("wrong", [(831,), (1079,), (840, 841, 842), (835, 840)])
def test_refused_minutes_are_split_off_anywhere_in_a_gap(
    wrong: tuple[int, ...],
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    tmp_path: Path,
) -> None:
    data = write_candles(tmp_path / "data", wrong)
    platform = build_platform(simulated_exchange(now=START + 2 * DAY_MS, data=data))
    run_ingest(platform, first=DAY, last=DAY)
    found = ledger(platform)
    refused = [n for kind, at, count in found for n in range(at, at + count) if kind == "refused"]
    outage = [n for kind, at, count in found for n in range(at, at + count) if kind == "outage"]
    assert refused == list(wrong)
    assert sorted([*refused, *outage]) == list(OUTAGE)
    assert len({kind + str(at) for kind, at, _ in found}) == len(found)
    kinds = [kind for kind, _, _ in found]
    assert all(one != other for one, other in pairwise(kinds))


def test_later_loads_and_rebuilds_keep_the_parts_separate(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    run_ingest(platform, first=DAY, last=DAY)
    closed = platform.closed_before()
    record_gaps(platform, "BTCUSDT", Window.of_day(DAY), closed)
    half = Window(START + 840 * MINUTE_MS, START + 900 * MINUTE_MS)
    record_gaps(platform, "BTCUSDT", half, closed)
    assert ledger(platform) == AROUND
    run_ingest(platform, first=DAY, last=DAY)
    run_ingest(platform, first=DAY, last=date(2025, 3, 6))
    run_ingest(platform, mode=IngestMode.CLOSING, first=DAY, last=date(2025, 3, 5))
    assert [one.error for one in rebuild_from_lake(platform, ["BTCUSDT"])] == [None]
    assert [one.error for one in rebuild_from_lake(platform, ["BTCUSDT"], exact=True)] == [None]
    assert ledger(platform) == AROUND
    assert [gap.closed_at for gap in platform.warehouse.gap_ledger.list_gaps(closed=True)] == [
        None
    ] * 3
    rows = [one for one in platform.warehouse.quarantine.list_records() if one.open_time]
    assert len(rows) <= 2, (
        "one from the archive and one from REST, however often the day is fetched"
    )


@pytest.mark.parametrize("mode", [IngestMode.DAYS, IngestMode.CLOSING])
def test_a_valid_row_that_arrives_later_closes_the_gap(
    mode: IngestMode, server: ExchangeServer, platform: PipelineContext
) -> None:
    """The minute is requested whenever its day is, but not by gap retries."""
    server.clock.set_time(START + DAY_MS + 2 * HOUR_MS)
    run_ingest(platform, first=DAY, last=date(2025, 3, 5))
    at = START + REFUSED * MINUTE_MS
    closes = {"close_time": f"={at + MINUTE_MS - 1}"}
    server.faults.add_rule(
        {"do": "revise", "start": at, "end": at + MINUTE_MS, "change": closes, "in": "rest"}
    )
    run_ingest(platform, mode=IngestMode.GAPS, first=DAY, last=DAY)
    assert ledger(platform) == AROUND
    run_ingest(platform, mode=mode, first=DAY, last=date(2025, 3, 5))
    assert ledger(platform) == [AROUND[0], AROUND[2]]
    assert at in open_times(platform)


def test_a_day_with_a_refused_minute_is_explained_everywhere(platform: PipelineContext) -> None:
    run_ingest(platform, first=DAY, last=DAY)
    found = {one.check: one for one in run_day_checks(platform, "BTCUSDT", Window.of_day(DAY))}
    assert {one.check: one.summary for one in found.values() if not one.passed} == {}
    assert found[DayCheck.COMPLETE].counts["minutes_explained"] == len(OUTAGE)
    (coverage,) = platform.warehouse.coverage.list_by_symbol()
    assert (coverage.missing_minutes, coverage.open_gaps) == (0, 0)
    assert coverage.explained_minutes == len(OUTAGE)
    (cell,) = build_coverage_calendar(platform.warehouse, platform.exchange_now(), DAY, DAY).rows[
        "BTCUSDT"
    ]
    assert (cell.state, cell.missing, cell.explained) == (DayState.OUTAGE, 0, len(OUTAGE))


def test_an_exchange_hour_that_includes_the_refused_row_is_not_a_difference(
    platform: PipelineContext,
) -> None:
    run_ingest(platform, first=DAY, last=DAY)
    found = verify_symbol(platform, "BTCUSDT", Window.of_day(DAY))
    assert found.passed, found.differences
    assert any("invalid minutes" in one.by for one in found.explained)
    assert found.not_loaded == ()


def test_a_fresh_refused_row_is_requested_again(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    data = write_candles(tmp_path / "data")
    server = simulated_exchange(now=START + 842 * MINUTE_MS, data=data)
    platform = build_platform(server)
    run_ingest(platform, first=DAY, last=DAY)
    assert [kind for kind, _, _ in ledger(platform)] == ["open"]
    server.clock.advance(20 * MINUTE_MS)
    run_ingest(platform, mode=IngestMode.GAPS, first=DAY, last=DAY)
    assert ("refused", REFUSED, 1) in ledger(platform)

"""Coverage is the share between the first and the last candle, wherever it is shown."""

from pathlib import Path

import pytest

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms
from crypto_assets.reports import Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from crypto_assets_tests.api.serving import create_context, serve_api
from crypto_assets_tests.api.test_health_checks import read_metrics
from crypto_assets_tests.reports.stock import describe, generated, load

SYMBOL = "BTCUSDT"
# One for each case.
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "SHIBUSDT", "BNBUSDT")
START = floor_ms(1_741_264_440_000, DAY_MS)
STORED = Window(START, START + 2 * DAY_MS)
MINUTES = STORED.minutes
# Minutes that are missing, as (start, end) in hours after START.
BEFORE, INSIDE, AFTER = (-30, 0), (10, 12), (48, 90)
CASES = {
    "nothing is missing": ([], 1.0),
    "before the first candle": ([BEFORE], 1.0),
    "between two candles": ([INSIDE], 1 - 120 / MINUTES),
    "after the last candle": ([AFTER], 1.0),
    "everywhere": ([BEFORE, INSIDE, AFTER], 1 - 120 / MINUTES),
    "more after the last candle than is stored": ([(48, 500)], 1.0),
}


def to_window(hours: tuple[int, int]) -> Window:
    first, last = hours
    return Window(START + first * HOUR_MS, START + last * HOUR_MS)


@pytest.mark.parametrize("explained", [False, True])
def test_coverage_in_every_place(
    warehouse: Warehouse, tmp_path: Path, explained: bool, subtests: pytest.Subtests
) -> None:
    warehouse.symbols.register_symbols(list(map(describe, SYMBOLS)))
    for symbol, (hours, _) in zip(SYMBOLS, CASES.values(), strict=True):
        missing = [to_window(one) for one in hours]
        load(warehouse, symbol, generated(symbol, STORED, missing))
        for window in missing:
            warehouse.gap_ledger.refresh_gaps(symbol, window)
            if explained:
                gap_class, reason = GapClass.OUTAGE, "REST has nothing"
                warehouse.gap_ledger.classify_gap(symbol, window.start_ms, gap_class, reason)
    with serve_api(create_context(warehouse, tmp_path)) as api:
        served = api.read("/api/pipeline/status")["data"]["symbols"]
        metrics = read_metrics(api)
    shown = {one["symbol"]: one["coverage"] for one in served}
    statuses = {one.symbol: one for one in Reports(warehouse).get_status().symbols}
    for symbol, (case, (hours, expected)) in zip(SYMBOLS, CASES.items(), strict=True):
        with subtests.test(case):
            status, minutes = statuses[symbol], sum(to_window(one).minutes for one in hours)
            assert status.coverage == pytest.approx(1.0 if explained else expected)
            assert (status.open_gaps, status.missing_minutes) == (
                (0, 0) if explained else (len(hours), minutes)
            )
            assert shown[symbol] == status.coverage
            assert metrics["crypto_assets_coverage_ratio", symbol] == status.coverage


def test_coverage_counts_from_the_end_of_expired_minutes(warehouse: Warehouse) -> None:
    """A gap across the end of the expired minutes, and one beyond the newest candle."""
    across = Window(START + DAY_MS - HOUR_MS, START + DAY_MS + HOUR_MS)
    after = to_window(AFTER)
    warehouse.symbols.register_symbols([describe(SYMBOL)])
    load(warehouse, SYMBOL, generated(SYMBOL, STORED, [across]))
    for window in (across, after):
        warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    warehouse.facts.expire_minutes(SYMBOL, START + DAY_MS)
    (coverage,) = warehouse.coverage.list_by_symbol()
    assert coverage.minutes_expected == DAY_MS // MINUTE_MS
    assert (coverage.open_gaps, coverage.missing_minutes) == (2, 60 + after.minutes)
    assert coverage.share == pytest.approx(1 - 60 / coverage.minutes_expected)

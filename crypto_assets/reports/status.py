"""What is held of each tracked symbol, and how much of what was to be expected."""

from dataclasses import dataclass

from crypto_assets.reports.storage import StorageUsage, measure_storage
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.stats.coverage import SymbolCoverage


@dataclass(frozen=True)
class SymbolStatusReport:
    """Times in epoch ms, None before the first load; `lag_ms` is the age of the newest candle.

    `coverage` is the share of minutes between first and last candle that are held or explained, 0
    to 1: below 1 something is missing that the exchange may have. Retired minutes count neither as
    held nor as missing, but the hours and days made of them are held: `first_open_time` is theirs.
    """

    symbol: str
    first_open_time: int | None
    last_open_time: int | None
    rows: int
    coverage: float
    open_gaps: int
    missing_minutes: int
    lag_ms: int | None
    is_stale: bool


@dataclass(frozen=True)
class StatusReport:
    as_of: int
    symbols: tuple[SymbolStatusReport, ...]
    storage: StorageUsage


def build_status_report(
    warehouse: Warehouse, now_ms: int, default_ingest_minutes: int
) -> StatusReport:
    """Read a few rows per symbol, by key, whatever the warehouse holds.

    `default_ingest_minutes` is the ingest interval where users have set none.
    """
    stale = warehouse.staleness.list_stale_symbols(default_ingest_minutes, now_ms, now_ms)
    stale_names = {one.symbol for one in stale}
    return StatusReport(
        as_of=now_ms,
        symbols=tuple(
            _build_symbol_status(held, now_ms, held.symbol in stale_names)
            for held in warehouse.coverage.list_by_symbol()
        ),
        storage=measure_storage(warehouse),
    )


def _build_symbol_status(held: SymbolCoverage, now_ms: int, is_stale: bool) -> SymbolStatusReport:
    return SymbolStatusReport(
        symbol=held.symbol,
        first_open_time=held.first_open_time,
        last_open_time=held.last_open_time,
        rows=held.rows,
        coverage=_compute_coverage(held),
        open_gaps=held.open_gaps,
        missing_minutes=held.missing_minutes,
        lag_ms=held.lag_ms(now_ms),
        is_stale=is_stale,
    )


def _compute_coverage(held: SymbolCoverage) -> float:
    """Held or explained: what the ledger calls missing counts against it, and nothing else."""
    if held.first_open_time is None:
        return 0.0
    if not held.minutes_expected:
        return 1.0
    absent = held.minutes_expected - held.rows - held.explained_minutes
    return max(0.0, min(1.0, 1 - max(absent, held.missing_minutes) / held.minutes_expected))

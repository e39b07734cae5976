"""The status report: what is stored of each tracked symbol, and its share of what is expected."""

from dataclasses import dataclass

from crypto_assets.reports.storage import StorageUsage, measure_storage
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.stats.coverage import SymbolCoverage


@dataclass(frozen=True)
class SymbolStatusReport:
    """The stored candles of a symbol; times in epoch ms, None before the first load.

    `coverage` is the share, 0 to 1, of the minutes between the first and the last candle that are
    stored or explained; below 1, minutes are missing that the exchange may have. Expired minutes
    count neither as stored nor as missing, but `first_open_time` includes the hours and days
    computed from them. `lag_ms` is the time since the newest candle ended.
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
    """The report at `as_of` (epoch ms).

    The figures may come from a replica; `replica_lag_ms` is how much older its newest fetch is than
    the primary's, 0 if it has everything or there is none.
    """

    as_of: int
    symbols: tuple[SymbolStatusReport, ...]
    storage: StorageUsage
    replica_lag_ms: int = 0


def build_status_report(
    warehouse: Warehouse, now_ms: int, default_ingest_minutes: int
) -> StatusReport:
    """Build the report; reads a few keys per symbol.

    `default_ingest_minutes` is the ingest interval if users have set none.
    """
    stale_names = find_stale_names(warehouse, now_ms, default_ingest_minutes)
    return StatusReport(
        as_of=now_ms,
        symbols=tuple(
            _build_symbol_status(coverage, now_ms, coverage.symbol in stale_names)
            for coverage in warehouse.coverage.list_by_symbol()
        ),
        storage=measure_storage(warehouse),
        replica_lag_ms=warehouse.read_server.measure_lag(),
    )


def find_stale_names(warehouse: Warehouse, now_ms: int, default_ingest_minutes: int) -> set[str]:
    """Return the stale symbols at `now_ms` (epoch ms), by this machine's clock."""
    stale = warehouse.staleness.list_stale_symbols(
        default_ingest_minutes, now_ms, now_ms, from_replica=True
    )
    return {symbol.symbol for symbol in stale}


def _build_symbol_status(
    coverage: SymbolCoverage, now_ms: int, is_stale: bool
) -> SymbolStatusReport:
    return SymbolStatusReport(
        symbol=coverage.symbol,
        first_open_time=coverage.first_open_time,
        last_open_time=coverage.last_open_time,
        rows=coverage.rows,
        coverage=_compute_coverage(coverage),
        open_gaps=coverage.open_gaps,
        missing_minutes=coverage.missing_minutes,
        lag_ms=coverage.lag_ms(now_ms),
        is_stale=is_stale,
    )


def _compute_coverage(coverage: SymbolCoverage) -> float:
    """Compute the share of minutes that are stored or explained.

    Counts the minutes that the ledger lists as missing, even if other minutes would outweigh them.
    """
    if coverage.first_open_time is None:
        return 0.0
    if not coverage.minutes_expected:
        return 1.0
    absent = coverage.minutes_expected - coverage.rows - coverage.explained_minutes
    return max(0.0, min(1.0, 1 - max(absent, coverage.missing_minutes) / coverage.minutes_expected))

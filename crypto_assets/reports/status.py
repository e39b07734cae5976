"""The status report: what is stored of each tracked symbol, and its share of what is expected."""

from dataclasses import dataclass

from crypto_assets.market.staleness import ExchangeCondition, SymbolState
from crypto_assets.market.utc_time import MINUTES_PER_DAY
from crypto_assets.reports.storage import StorageUsage, measure_storage
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.stats.coverage import SymbolCoverage


@dataclass(frozen=True)
class SymbolStatusReport:
    """The stored candles of a symbol; times in epoch ms, None before the first load.

    `coverage` is the share, 0 to 1, of the minutes between the first and the last candle that are
    stored or explained; below 1, minutes are missing that the exchange may have. Gaps before the
    first candle or after the last one count as missing minutes, but not against the coverage.
    `unloaded_days` lie between them too, but were never requested, and count as neither.
    Expired minutes count neither as stored nor as missing, but `first_open_time` includes the hours
    and days computed from them. `lag_ms` is the time since the newest candle ended.
    """

    symbol: str
    first_open_time: int | None
    last_open_time: int | None
    rows: int
    coverage: float
    open_gaps: int
    missing_minutes: int
    unloaded_days: int
    lag_ms: int | None
    state: SymbolState

    @property
    def is_stale(self) -> bool:
        return self.state is SymbolState.DELAYED


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
    warehouse: Warehouse,
    now_ms: int,
    default_ingest_minutes: int,
    exchange: ExchangeCondition,
) -> StatusReport:
    """Build the report; reads a few keys per symbol.

    `default_ingest_minutes` is the ingest interval if users have set none.
    """
    states = read_symbol_states(warehouse, now_ms, default_ingest_minutes, exchange)
    return StatusReport(
        as_of=now_ms,
        symbols=tuple(
            _build_symbol_status(coverage, now_ms, states[coverage.symbol])
            for coverage in warehouse.coverage.list_by_symbol()
            if coverage.symbol in states
        ),
        storage=measure_storage(warehouse),
        replica_lag_ms=warehouse.read_server.measure_lag(),
    )


def read_symbol_states(
    warehouse: Warehouse,
    now_ms: int,
    default_ingest_minutes: int,
    exchange: ExchangeCondition,
) -> dict[str, SymbolState]:
    """Return the states of tracked symbols at `now_ms` (epoch ms) by this machine's clock."""
    return warehouse.staleness.read_states(
        default_ingest_minutes, now_ms, exchange, from_replica=True
    )


def _build_symbol_status(
    coverage: SymbolCoverage, now_ms: int, state: SymbolState
) -> SymbolStatusReport:
    return SymbolStatusReport(
        symbol=coverage.symbol,
        first_open_time=coverage.first_open_time,
        last_open_time=coverage.last_open_time,
        rows=coverage.rows,
        coverage=coverage.share,
        open_gaps=coverage.open_gaps,
        missing_minutes=coverage.missing_minutes,
        unloaded_days=coverage.unloaded_minutes // MINUTES_PER_DAY,
        lag_ms=coverage.lag_ms(now_ms),
        state=state,
    )

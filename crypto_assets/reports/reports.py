"""All reports behind one class, for pages, routes and commands."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import pyarrow as pa

from crypto_assets.analytics import get_provider
from crypto_assets.errors import WrongUse
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import LakeObject
from crypto_assets.market.order_book import OrderBook
from crypto_assets.market.staleness import ExchangeCondition
from crypto_assets.market.utc_time import Window, now_ms
from crypto_assets.reports.candle_series import CandleChart, CandleSeries, ProviderResult
from crypto_assets.reports.candles import read_candles
from crypto_assets.reports.coverage_calendar import CoverageCalendar, build_coverage_calendar
from crypto_assets.reports.dashboard import Dashboard, build_dashboard
from crypto_assets.reports.deduplication import DeduplicationReport, build_deduplication_report
from crypto_assets.reports.explorer import ExplorerDataset, RowPage, read_all_rows, read_row_page
from crypto_assets.reports.flow import DataFlow, build_data_flow
from crypto_assets.reports.indicators import ProviderCall, compute_chart
from crypto_assets.reports.instruments import Instrument, list_all_instruments, list_instruments
from crypto_assets.reports.quality import QualityReport, build_quality_report
from crypto_assets.reports.status import StatusReport, build_status_report
from crypto_assets.reports.storage import StorageUsage, measure_storage
from crypto_assets.reports.ticker_statistics import TickerStatistics, compute_statistics_24h
from crypto_assets.reports.workers import WorkerReport, list_workers
from crypto_assets.settings import EMBEDDED_INGEST_MINUTES
from crypto_assets.warehouse import ExchangeConflict, Warehouse
from crypto_assets.warehouse.klines.revisions import Revision
from crypto_assets.warehouse.quality.gap_ledger import Gap as LedgerGap
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord

# A provider's name and its parameters as a user typed them.
ProviderRequest = tuple[str, Mapping[str, object]]


class Reports:
    """Reads of the warehouse, each of bounded work; times are epoch ms.

    `clock` is the time against which lags are measured, and `default_ingest_minutes` the ingest
    interval if users have set none. `read_exchange` returns the exchange's condition, from which
    the states of symbols follow. A symbol may be typed in any case; results name it as the
    exchange does. Every method may raise a WarehouseError, methods with a symbol UnknownSymbol,
    methods with parameters WrongUse.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        clock: Callable[[], int] = now_ms,
        default_ingest_minutes: int = EMBEDDED_INGEST_MINUTES,
        read_exchange: Callable[[], ExchangeCondition] = ExchangeCondition,
    ) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._default_ingest_minutes = default_ingest_minutes
        self._read_exchange = read_exchange

    def list_instruments(self) -> list[Instrument]:
        """List tracked symbols, oldest registration first."""
        return list_instruments(self._warehouse)

    def list_all_instruments(self) -> list[Instrument]:
        """List the tracked symbols, then the untracked ones, whose data is still stored."""
        return list_all_instruments(self._warehouse)

    def list_stored_windows(self) -> dict[str, Window]:
        """Return the window from the first candle to the end of the newest minute, by symbol."""
        return self._warehouse.coverage.list_stored_windows()

    def get_candles(
        self,
        symbol: str,
        interval: Interval | str,
        start: int | None = None,
        end: int | None = None,
        limit: int | None = 500,
    ) -> CandleSeries:
        """Return candles that open in `start` ≤ t < `end`, at most `limit`, oldest first.

        With both ends given a limit keeps the oldest candles, so that callers can page; otherwise
        the newest.
        """
        name = self._resolve_symbol(symbol)
        return read_candles(self._warehouse, name, _parse_interval(interval), start, end, limit)

    def get_chart(
        self,
        symbol: str,
        interval: Interval | str,
        requests: Sequence[ProviderRequest] = (),
        start: int | None = None,
        end: int | None = None,
        limit: int | None = 500,
    ) -> CandleChart:
        """Return the candles, and the result of each requested provider over them."""
        calls = [_parse_call(name, values) for name, values in requests]
        shown = self.get_candles(symbol, interval, start, end, limit)
        return compute_chart(self._warehouse, shown, calls)

    def get_indicator_chart(
        self,
        provider: str,
        symbol: str,
        interval: Interval | str,
        start: int | None = None,
        end: int | None = None,
        limit: int | None = 500,
        params: Mapping[str, object] | None = None,
    ) -> CandleChart:
        """Return one provider's result, over candles with only the columns that it reads."""
        call = _parse_call(provider, params or {})
        columns = call[0].reads
        name = self._resolve_symbol(symbol)
        shown = read_candles(
            self._warehouse, name, _parse_interval(interval), start, end, limit, columns
        )
        return compute_chart(self._warehouse, shown, [call])

    def get_indicator(
        self,
        provider: str,
        symbol: str,
        interval: Interval | str,
        start: int | None = None,
        end: int | None = None,
        limit: int | None = 500,
        params: Mapping[str, object] | None = None,
    ) -> ProviderResult | None:
        """Return one provider's result without the candles; None if there are no candles."""
        results = self.get_indicator_chart(
            provider, symbol, interval, start, end, limit, params
        ).results
        return results[0] if results else None

    def get_statistics_24h(self, symbol: str) -> TickerStatistics | None:
        """Return the 24 hours up to the newest stored minute; None if none is stored."""
        return compute_statistics_24h(self._warehouse, self._resolve_symbol(symbol))

    def get_dashboard(self) -> Dashboard:
        return build_dashboard(
            self._warehouse,
            self._clock(),
            self._default_ingest_minutes,
            self._read_exchange(),
        )

    def list_workers(self) -> tuple[WorkerReport, ...]:
        """List the workers that execute runs on other machines, from the primary."""
        return list_workers(self._warehouse, self._clock())

    def get_status(self) -> StatusReport:
        return build_status_report(
            self._warehouse,
            self._clock(),
            self._default_ingest_minutes,
            self._read_exchange(),
        )

    @property
    def has_replica(self) -> bool:
        """Whether charts read from another server, or as another user, than the pipeline."""
        return self._warehouse.read_server.is_separate

    def get_replica_lag(self) -> int:
        """Return by how many ms the replica is behind the primary; 0 without a replica."""
        return self._warehouse.read_server.measure_lag()

    def list_database_warnings(self) -> list[str]:
        """List what makes the use of the database unsafe, each with what to do."""
        return self._warehouse.read_server.list_warnings()

    def get_data_flow(self) -> DataFlow:
        """Return what each stage from exchange to daily candles stores and received recently."""
        return build_data_flow(self._warehouse, self._clock())

    def get_latest_order_book(self, symbol: str) -> OrderBook | None:
        """Return the newest snapshot with its levels; None if there is no snapshot."""
        return self._warehouse.order_books.read_latest(self._resolve_symbol(symbol))

    def get_storage_usage(self) -> StorageUsage:
        return measure_storage(self._warehouse)

    def get_table_sizes(self) -> dict[str, int]:
        """Return bytes by table as the server estimates them; on SQLite the size of the file."""
        return self._warehouse.coverage.read_table_sizes()

    def list_ingestion_log(
        self,
        limit: int = 100,
        offset: int = 0,
        before: int | None = None,
        after: LakeObject | None = None,
    ) -> list[LakeObject]:
        """List objects of the lake, newest fetch first; with `before`, those fetched before it.

        To page, pass the last object of a page as `after`.
        """
        return self._warehouse.lake_objects.list_latest(limit, offset, before, after)

    def get_deduplication(self, days: int = 7) -> DeduplicationReport:
        return build_deduplication_report(self._warehouse, self._clock(), days)

    def list_gaps(
        self,
        symbol: str | None = None,
        window: Window | None = None,
        *,
        closed: bool = False,
        after: int | None = None,
        newest: bool = False,
        limit: int = 1000,
    ) -> list[LedgerGap]:
        """List gaps of the ledger by symbol and start; `closed` adds those filled since.

        With `newest` the starts descend.
        `after` returns only gaps that begin later. Use it to page through the gaps of one symbol:
        an open gap may lie inside a closed one.
        """
        name = None if symbol is None else self._resolve_symbol(symbol)
        return self._warehouse.gap_ledger.list_gaps(
            name,
            window,
            closed=closed,
            after=after,
            newest=newest,
            limit=limit,
            from_replica=True,
        )

    def get_coverage_calendar(self, first: date, last: date) -> CoverageCalendar:
        """Return the UTC days of each tracked symbol, both ends inclusive."""
        return build_coverage_calendar(self._warehouse, self._clock(), first, last)

    def list_revisions(
        self, symbol: str | None = None, limit: int = 100, window: Window | None = None
    ) -> list[Revision]:
        """List revisions: of one symbol by newest candle, of all symbols by latest record.

        `window` selects those of the minutes that open in it.
        """
        return self._warehouse.revisions.list_revisions(symbol, window, limit=limit, newest=True)

    def list_conflicts(self, symbol: str | None = None, limit: int = 100) -> list[ExchangeConflict]:
        """List periods in which the exchange contradicts itself.

        Conflicts of one symbol are sorted by open time, those of all symbols by latest record.
        """
        return self._warehouse.exchange_conflicts.list_conflicts(symbol, limit=limit)

    def list_quarantined(
        self, symbol: str | None = None, limit: int = 100
    ) -> list[QuarantineRecord]:
        """List quarantined objects and rows, latest record first."""
        return self._warehouse.quarantine.list_records(symbol, limit)

    def get_row_page(
        self,
        dataset: ExplorerDataset,
        symbol: str,
        window: Window,
        before: int | None = None,
        limit: int = 100,
    ) -> RowPage:
        """Return a page of a table's rows inside a window, newest first."""
        return read_row_page(self._warehouse, dataset, symbol, window, before, limit)

    def get_all_rows(self, dataset: ExplorerDataset, symbol: str, window: Window) -> pa.Table:
        """Return the window's rows, oldest first; at most the newest MAX_EXPLORER_ROWS."""
        return read_all_rows(self._warehouse, dataset, symbol, window)

    def get_order_book(self, symbol: str, last_update_id: int) -> OrderBook | None:
        """Return a snapshot with its levels; None if its levels have expired."""
        return self._warehouse.order_books.read_by_update_id(symbol, last_update_id)

    def get_quality(self, limit: int = 100) -> QualityReport:
        return build_quality_report(self._warehouse, self.get_status(), limit)

    def close(self) -> None:
        """Close the warehouse's connections; the next read opens new ones."""
        self._warehouse.close()

    def _resolve_symbol(self, symbol: str) -> str:
        return self._warehouse.symbols.resolve_name(symbol)


def _parse_call(name: str, values: Mapping[str, object]) -> ProviderCall:
    provider = get_provider(name)
    return provider, provider.parse_params(values)


def _parse_interval(text: str) -> Interval:
    try:
        return Interval(text)
    except ValueError:
        raise WrongUse(f"no interval {text!r}; available: {', '.join(Interval)}") from None

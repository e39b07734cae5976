"""What pages and routes ask, in one place."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import pyarrow as pa

from crypto_assets.analytics import get_provider
from crypto_assets.errors import WrongUse
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import LakeObject
from crypto_assets.market.order_book import OrderBook
from crypto_assets.market.utc_time import Window, now_ms
from crypto_assets.reports.candle_series import CandleChart, CandleSeries, ProviderResult
from crypto_assets.reports.candles import read_candles
from crypto_assets.reports.coverage_calendar import CoverageCalendar, build_coverage_calendar
from crypto_assets.reports.dashboard import Dashboard, build_dashboard
from crypto_assets.reports.deduplication import DeduplicationReport, build_deduplication_report
from crypto_assets.reports.explorer import ExplorerDataset, RowPage, read_all_rows, read_row_page
from crypto_assets.reports.flow import DataFlow, build_data_flow
from crypto_assets.reports.indicators import compute_chart
from crypto_assets.reports.instruments import Instrument, list_instruments
from crypto_assets.reports.quality import QualityReport, build_quality_report
from crypto_assets.reports.status import StatusReport, build_status_report
from crypto_assets.reports.storage import StorageUsage, measure_storage
from crypto_assets.reports.ticker_statistics import TickerStatistics, compute_statistics_24h
from crypto_assets.settings import EMBEDDED_INGEST_MINUTES
from crypto_assets.warehouse import ExchangeConflict, Warehouse
from crypto_assets.warehouse.klines.revisions import Revision
from crypto_assets.warehouse.quality.gap_ledger import Gap as LedgerGap
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord

# A provider's name and its parameters as a person gave them.
ProviderRequest = tuple[str, Mapping[str, object]]


class Reports:
    """Reads of the warehouse, each of bounded work; times in and out are epoch ms.

    Lags are measured against `clock`. `default_ingest_minutes` is the ingest interval where users
    have set none. A symbol may be given as a person types it; answers name it as the exchange does.
    Every method may raise the WarehouseErrors; those that take a symbol, UnknownSymbol; those that
    take parameters, WrongUse.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        clock: Callable[[], int] = now_ms,
        default_ingest_minutes: int = EMBEDDED_INGEST_MINUTES,
    ) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._default_ingest_minutes = default_ingest_minutes

    def list_instruments(self) -> list[Instrument]:
        """Tracked symbols, oldest registration first."""
        return list_instruments(self._warehouse)

    def get_candles(
        self,
        symbol: str,
        interval: Interval | str,
        start: int | None = None,
        end: int | None = None,
        limit: int | None = 500,
    ) -> CandleSeries:
        """Candles that open in `start` ≤ t < `end`, at most `limit`, oldest first.

        With both ends given a limit keeps the oldest, so that one may page; else the newest.
        """
        name = self._resolve_symbol(symbol)
        return read_candles(self._warehouse, name, _parse_interval(interval), start, end, limit)

    def get_chart(
        self,
        symbol: str,
        interval: Interval | str,
        wanted: Sequence[ProviderRequest] = (),
        start: int | None = None,
        end: int | None = None,
        limit: int | None = 500,
    ) -> CandleChart:
        """The candles, and the answer of each provider wanted over the same candles."""
        asked = [
            (provider := get_provider(name), provider.parse_params(values))
            for name, values in wanted
        ]
        shown = self.get_candles(symbol, interval, start, end, limit)
        return compute_chart(self._warehouse, shown, asked)

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
        """One provider's answer, over candles of which only what it looks at has been read."""
        found = get_provider(provider)
        asked = found, found.parse_params(params or {})
        name = self._resolve_symbol(symbol)
        shown = read_candles(
            self._warehouse, name, _parse_interval(interval), start, end, limit, found.reads
        )
        return compute_chart(self._warehouse, shown, [asked])

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
        """That answer alone; None where there is no candle to answer for."""
        answers = self.get_indicator_chart(
            provider, symbol, interval, start, end, limit, params
        ).results
        return answers[0] if answers else None

    def get_statistics_24h(self, symbol: str) -> TickerStatistics | None:
        """The 24 hours up to the newest minute; None where nothing is held."""
        return compute_statistics_24h(self._warehouse, self._resolve_symbol(symbol))

    def get_dashboard(self) -> Dashboard:
        return build_dashboard(self._warehouse, self._clock(), self._default_ingest_minutes)

    def get_status(self) -> StatusReport:
        return build_status_report(self._warehouse, self._clock(), self._default_ingest_minutes)

    def get_data_flow(self) -> DataFlow:
        """What each station between exchange and days holds, and what passed lately."""
        return build_data_flow(self._warehouse, self._clock())

    def get_latest_order_book(self, symbol: str) -> OrderBook | None:
        """The newest snapshot with its levels; None where there is none."""
        return self._warehouse.order_books.read_latest(self._resolve_symbol(symbol))

    def get_storage_usage(self) -> StorageUsage:
        return measure_storage(self._warehouse)

    def get_table_sizes(self) -> dict[str, int]:
        """Bytes by table as the server estimates them; on SQLite the file's, by its name."""
        return self._warehouse.coverage.read_table_sizes()

    def list_ingestion_log(
        self,
        limit: int = 100,
        offset: int = 0,
        before: int | None = None,
        after: LakeObject | None = None,
    ) -> list[LakeObject]:
        """Objects of the lake, newest fetch first; with `before`, those fetched before it.

        `after` goes on behind an object, which is how to page.
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
        limit: int = 1000,
    ) -> list[LedgerGap]:
        """The ledger by symbol and start; with `closed`, what has been filled since too.

        With `after`, those alone that begin later: how to page through one symbol's, some of which
        may lie inside others that are closed.
        """
        name = None if symbol is None else self._resolve_symbol(symbol)
        return self._warehouse.gap_ledger.list_gaps(
            name, window, closed=closed, after=after, limit=limit
        )

    def get_coverage_calendar(self, first: date, last: date) -> CoverageCalendar:
        """Each tracked symbol's UTC days, both ends included."""
        return build_coverage_calendar(self._warehouse, self._clock(), first, last)

    def list_revisions(self, symbol: str | None = None, limit: int = 100) -> list[Revision]:
        """Of one symbol the newest candles', of all the last noted."""
        return self._warehouse.revisions.list_revisions(symbol, limit=limit, newest=True)

    def list_conflicts(self, symbol: str | None = None, limit: int = 100) -> list[ExchangeConflict]:
        """Return the periods in which the exchange contradicts itself.

        Of one symbol by open time, of all the last recorded first.
        """
        return self._warehouse.exchange_conflicts.list_conflicts(symbol, limit=limit)

    def list_quarantined(
        self, symbol: str | None = None, limit: int = 100
    ) -> list[QuarantineRecord]:
        """What was set aside, the last noted first."""
        return self._warehouse.quarantine.list_records(symbol, limit)

    def get_row_page(
        self,
        dataset: ExplorerDataset,
        symbol: str,
        window: Window,
        before: int | None = None,
        limit: int = 100,
    ) -> RowPage:
        """A page of a table's rows inside a window, newest first."""
        return read_row_page(self._warehouse, dataset, symbol, window, before, limit)

    def get_all_rows(self, dataset: ExplorerDataset, symbol: str, window: Window) -> pa.Table:
        """The window's rows, oldest first; the newest `explorer.MAX_ROWS` where there are more."""
        return read_all_rows(self._warehouse, dataset, symbol, window)

    def get_order_book(self, symbol: str, last_update_id: int) -> OrderBook | None:
        """A snapshot with its levels; None where they are retired."""
        return self._warehouse.order_books.read_by_update_id(symbol, last_update_id)

    def get_quality(self, limit: int = 100) -> QualityReport:
        return build_quality_report(
            self._warehouse, self._clock(), self._default_ingest_minutes, limit
        )

    def close(self) -> None:
        """Gives the warehouse's connections back; the next read opens new ones."""
        self._warehouse.close()

    def _resolve_symbol(self, symbol: str) -> str:
        return self._warehouse.symbols.resolve_name(symbol)


def _parse_interval(text: str) -> Interval:
    try:
        return Interval(text)
    except ValueError:
        raise WrongUse(f"no interval {text!r}; there are: {', '.join(Interval)}") from None

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
from crypto_assets.reports.candle_series import Answer, CandleSeries, Chart
from crypto_assets.reports.candles import read_candles
from crypto_assets.reports.coverage_calendar import Calendar, read_calendar
from crypto_assets.reports.dashboard import Dashboard, read_dashboard
from crypto_assets.reports.deduplication import Deduplication, read_deduplication
from crypto_assets.reports.explorer import Dataset, Rows, read_all, read_rows
from crypto_assets.reports.flow import Flow, read_flow
from crypto_assets.reports.indicators import answer_all
from crypto_assets.reports.instruments import Instrument, read_instruments
from crypto_assets.reports.quality import Quality, read_quality
from crypto_assets.reports.status import Status, read_status
from crypto_assets.reports.storage import Storage, read_storage
from crypto_assets.reports.ticker_statistics import Statistics, statistics_24h
from crypto_assets.warehouse import ExchangeConflict, Warehouse
from crypto_assets.warehouse.klines.revisions import Revision
from crypto_assets.warehouse.quality.gap_ledger import Gap as LedgerGap
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord

# A provider's name and its parameters as a person gave them.
Wanted = tuple[str, Mapping[str, object]]


class Reports:
    """Reads of the warehouse, each of bounded work; times in and out are epoch ms.

    `clock` says what lags are measured against. A symbol may be given as a person types it; answers
    name it as the exchange does. Every method may raise the WarehouseErrors;
    those that take a symbol, UnknownSymbol; those that take parameters, WrongUse.
    """

    def __init__(self, warehouse: Warehouse, clock: Callable[[], int] = now_ms) -> None:
        self._warehouse = warehouse
        self._clock = clock

    def instruments(self) -> list[Instrument]:
        """Tracked symbols, oldest registration first."""
        return read_instruments(self._warehouse)

    def candles(
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
        name = self._find(symbol)
        return read_candles(self._warehouse, name, _interval(interval), start, end, limit)

    def chart(
        self,
        symbol: str,
        interval: Interval | str,
        wanted: Sequence[Wanted] = (),
        start: int | None = None,
        end: int | None = None,
        limit: int | None = 500,
    ) -> Chart:
        """The candles, and the answer of each provider wanted over the same candles."""
        asked = [
            (provider := get_provider(name), provider.parse_params(values))
            for name, values in wanted
        ]
        shown = self.candles(symbol, interval, start, end, limit)
        return answer_all(self._warehouse, shown, asked)

    def indicator_chart(
        self,
        provider: str,
        symbol: str,
        interval: Interval | str,
        start: int | None = None,
        end: int | None = None,
        limit: int | None = 500,
        params: Mapping[str, object] | None = None,
    ) -> Chart:
        """One provider's answer, over candles of which only what it looks at has been read."""
        found = get_provider(provider)
        asked = found, found.parse_params(params or {})
        name = self._find(symbol)
        shown = read_candles(
            self._warehouse, name, _interval(interval), start, end, limit, found.reads
        )
        return answer_all(self._warehouse, shown, [asked])

    def indicator(
        self,
        provider: str,
        symbol: str,
        interval: Interval | str,
        start: int | None = None,
        end: int | None = None,
        limit: int | None = 500,
        params: Mapping[str, object] | None = None,
    ) -> Answer | None:
        """That answer alone; None where there is no candle to answer for."""
        answers = self.indicator_chart(
            provider, symbol, interval, start, end, limit, params
        ).answers
        return answers[0] if answers else None

    def statistics_24h(self, symbol: str) -> Statistics | None:
        """The 24 hours up to the newest minute; None where nothing is held."""
        return statistics_24h(self._warehouse, self._find(symbol))

    def dashboard(self) -> Dashboard:
        return read_dashboard(self._warehouse, self._clock())

    def status(self) -> Status:
        return read_status(self._warehouse, self._clock())

    def flow(self) -> Flow:
        """What each station between exchange and days holds, and what passed lately."""
        return read_flow(self._warehouse, self._clock())

    def order_book(self, symbol: str) -> OrderBook | None:
        """The newest snapshot with its levels; None where there is none."""
        return self._warehouse.order_books.read_latest(self._find(symbol))

    def storage(self) -> Storage:
        return read_storage(self._warehouse)

    def table_sizes(self) -> dict[str, int]:
        """Bytes by table as the server estimates them; on SQLite the file's, by its name."""
        return self._warehouse.coverage.read_table_sizes()

    def ingestion_log(
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

    def deduplication(self, days: int = 7) -> Deduplication:
        return read_deduplication(self._warehouse, self._clock(), days)

    def gaps(
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
        name = None if symbol is None else self._find(symbol)
        return self._warehouse.gap_ledger.list_gaps(
            name, window, closed=closed, after=after, limit=limit
        )

    def calendar(self, first: date, last: date) -> Calendar:
        """Each tracked symbol's UTC days, both ends included."""
        return read_calendar(self._warehouse, self._clock(), first, last)

    def revisions(self, symbol: str | None = None, limit: int = 100) -> list[Revision]:
        """Of one symbol the newest candles', of all the last noted."""
        return self._warehouse.revisions.list_revisions(symbol, limit=limit, newest=True)

    def conflicts(self, symbol: str | None = None, limit: int = 100) -> list[ExchangeConflict]:
        """Return the periods in which the exchange contradicts itself.

        Of one symbol by open time, of all the last recorded first.
        """
        return self._warehouse.exchange_conflicts.list_conflicts(symbol, limit=limit)

    def quarantine(self, symbol: str | None = None, limit: int = 100) -> list[QuarantineRecord]:
        """What was set aside, the last noted first."""
        return self._warehouse.quarantine.list_records(symbol, limit)

    def rows(
        self,
        dataset: Dataset,
        symbol: str,
        window: Window,
        before: int | None = None,
        limit: int = 100,
    ) -> Rows:
        """A page of a table's rows inside a window, newest first."""
        return read_rows(self._warehouse, dataset, symbol, window, before, limit)

    def all_rows(self, dataset: Dataset, symbol: str, window: Window) -> pa.Table:
        """The window's rows, oldest first; the newest `explorer.MAX_ROWS` where there are more."""
        return read_all(self._warehouse, dataset, symbol, window)

    def book_of(self, symbol: str, last_update_id: int) -> OrderBook | None:
        """A snapshot with its levels; None where they are retired."""
        return self._warehouse.order_books.read_by_update_id(symbol, last_update_id)

    def quality(self, limit: int = 100) -> Quality:
        return read_quality(self._warehouse, self._clock(), limit)

    def close(self) -> None:
        """Gives the warehouse's connections back; the next read opens new ones."""
        self._warehouse.close()

    def _find(self, symbol: str) -> str:
        return self._warehouse.symbols.resolve_name(symbol)


def _interval(text: str) -> Interval:
    try:
        return Interval(text)
    except ValueError:
        raise WrongUse(f"no interval {text!r}; there are: {', '.join(Interval)}") from None

"""The main job for one symbol: exchange → lake → facts → hours → days, a month at a time."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import date

from crypto_assets.errors import CryptoAssetsError, NotListed, ObjectMissing, TransientError
from crypto_assets.market.utc_time import (
    DAY_MS,
    MINUTE_MS,
    Window,
    day_of,
    day_start_ms,
    floor_ms,
    group_by_month,
    group_consecutive_days,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import (
    FailureReasons,
    record_delisting,
    record_gaps,
    resolve_gaps,
)
from crypto_assets.pipeline.reconciliation.resolve_conflicts import resolve_conflicts
from crypto_assets.pipeline.stages.compaction import compact_days
from crypto_assets.pipeline.stages.load_facts import load_klines
from crypto_assets.pipeline.stages.results import DayOutcome, KlinesStage
from crypto_assets.pipeline.stages.row_counts import DayRowCounts, count_rows_by_day
from crypto_assets.pipeline.stages.store_raw import (
    StoredDay,
    record_stored_days,
    store_days,
    store_window,
)
from crypto_assets.pipeline.stages.symbol_status import (
    is_listed,
    refresh_delisted_status,
    refresh_inactive_status,
    require_delisted,
)


@dataclass(frozen=True)
class SymbolPipeline:
    """One symbol's way through the chosen stages, within `window`, up to what has closed.

    `closed_before_ms` is the exchange's clock less the settle delay; `pool` fetches days at once.
    `every_day` is whether each day is answered for, the one that still runs included.
    """

    platform: PipelineContext
    symbol: str
    window: Window
    stages: Collection[KlinesStage]
    closed_before_ms: int
    pool: Executor
    reports_every_day: bool = False

    def ingest_days(self) -> Iterator[list[DayOutcome]]:
        """Bring whole days through, asking the exchange again for each of them.

        Each item holds all outcomes of one calendar month's days.
        """
        if KlinesStage.RAW in self.stages:
            refresh_delisted_status(self.platform, self.symbol)
        self._record_skipped_gap()
        chunks = list(group_by_month(self.list_days()))
        fetching = self._start_fetching(chunks[0]) if chunks else []
        for number, chunk in enumerate(chunks, start=1):
            stored = [future.result() for future in fetching]
            fetching = self._start_fetching(chunks[number]) if number < len(chunks) else []
            yield self.load_stored_days(chunk, stored, explain=True)

    def ingest_new_candles(self) -> Iterator[list[DayOutcome]]:
        """Bring what closed since the newest candle that the warehouse holds."""
        try:
            since = Window(self._find_start_ms(), self.closed_before_ms)
            stored = store_window(self.platform, self.symbol, since, self.closed_before_ms)
        except NotListed as error:
            yield self._record_delisting(since, error)
            return
        except CryptoAssetsError as error:
            yield self.build_aborted_outcome(error)
            return
        if stored:
            yield self.load_stored_days([day.day for day in stored], stored)
            refresh_inactive_status(self.platform, self.symbol)

    def _record_delisting(self, since: Window, error: NotListed) -> list[DayOutcome]:
        """Record that the symbol has ended; an outcome of each day of which that could not be."""
        window = Window(floor_ms(since.start_ms - 1, MINUTE_MS) + MINUTE_MS, since.end_ms)
        try:
            reasons = record_delisting(
                self.platform, self.symbol, window, self.closed_before_ms, error
            )
        except CryptoAssetsError as failure:
            return self.build_aborted_outcome(failure)
        return self.build_failed_outcomes(reasons)

    def list_days(self) -> list[date]:
        """The UTC days of the window that have begun, oldest first."""
        return list((self.window & Window(0, self.closed_before_ms)).iter_days())

    def _find_start_ms(self) -> int:
        newest = self.platform.warehouse.watermarks.get_watermark(self.symbol).last_open_time
        return max(self.window.start_ms, -1 if newest is None else newest + 1)

    def _record_skipped_gap(self) -> None:
        """Have the ledger know of what lies between the newest candle and the window.

        The newest candle is about to jump over it, and what comes after it alone is looked for.
        """
        newest = self.platform.warehouse.watermarks.get_watermark(self.symbol).last_open_time
        if newest is not None and KlinesStage.FACTS in self.stages:
            skipped = Window(floor_ms(newest, MINUTE_MS) + MINUTE_MS, self.window.start_ms)
            record_gaps(self.platform, self.symbol, skipped, self.closed_before_ms)

    def _start_fetching(self, days: Sequence[date]) -> list[Future[StoredDay]]:
        if KlinesStage.RAW not in self.stages:
            return []
        return store_days(self.platform, self.symbol, days, self.closed_before_ms, self.pool)

    def load_stored_days(
        self, days: Sequence[date], stored: Sequence[StoredDay], *, explain: bool = False
    ) -> list[DayOutcome]:
        """Load what stands in the lake of `days`, a few of them just `stored`, and aggregate it.

        With `explain`, the exchange is asked again for what is missing. Each day is answered for
        at every stage: of a month, the later stages lack a day that could not be stored.
        """
        outcomes = [day.build_outcome(self.symbol) for day in stored]
        window = Window.of_days(days[0], days[-1])
        bad: FailureReasons = {day.day: day.error for day in stored if day.error}
        try:
            record_stored_days(self.platform, self.symbol, stored)
            loaded, unread = self._load_facts(
                window, dict(kept for day in stored for kept in day.bodies)
            )
            self._aggregate_periods(window)
            if KlinesStage.FACTS in self.stages:
                compact_days(self.platform, self.symbol, window)
                record_gaps(self.platform, self.symbol, window, self.closed_before_ms)
            unexplained = self._resolve_gaps(window) if explain else {}
            if explain and self._resolve_conflicts(window):
                unexplained = self._resolve_gaps(window)
            bad |= unexplained | unread
            fetched = {day.day for day in stored}
            clear = [day for day in days if day not in bad]
            later = self.build_outcomes(clear, fetched, loaded)
        except CryptoAssetsError as error:
            bad, later = dict.fromkeys(days, error) | bad, []
        return outcomes + self.build_failed_outcomes(bad) + later

    def build_outcomes(
        self, days: Sequence[date], fetched: Collection[date], loaded: Mapping[date, int]
    ) -> list[DayOutcome]:
        """What the tables now hold of days; one of which nothing is held must have been fetched."""
        counts: dict[date, DayRowCounts] = {}
        for stretch in group_consecutive_days(days):
            counts |= count_rows_by_day(self.platform, self.symbol, stretch)
        found = []
        for day in days:
            if counts[day] != DayRowCounts() or day in fetched:
                found += self._build_later_outcomes(day, counts[day], loaded.get(day, 0))
            else:
                found += self._fail_later_stages(day, self._no_data_error(day))
        return found

    def build_aborted_outcome(self, error: CryptoAssetsError) -> list[DayOutcome]:
        """Where it is not known which days are concerned: the newest stands for all."""
        newest = [day_of(self.window.start_ms), *self.list_days()][-1]
        first = next(stage for stage in KlinesStage if stage in self.stages)
        return [DayOutcome(first, self.symbol, newest, error=error)]

    def build_failed_outcomes(self, reasons: FailureReasons) -> list[DayOutcome]:
        """Days that came no further than the lake, if so far, and why."""
        return [
            one for day, error in reasons.items() for one in self._fail_later_stages(day, error)
        ]

    def _load_facts(
        self, window: Window, bodies: dict[str, bytes]
    ) -> tuple[Counter[date], FailureReasons]:
        """Rows loaded of each day, and the days that could not be, each of which stops no other."""
        if KlinesStage.FACTS not in self.stages:
            return Counter(), {}
        try:
            return Counter(load_klines(self.platform, self.symbol, window, bodies).rows_by_day), {}
        except TransientError:
            raise
        except CryptoAssetsError as error:
            days = list(window.iter_days())
            if len(days) == 1:
                return Counter(), {days[0]: error}
        rows: Counter[date] = Counter()
        bad: FailureReasons = {}
        for day in days:
            its_rows, its_reason = self._load_facts(Window.of_day(day), bodies)
            rows += its_rows
            bad |= its_reason
        return rows, bad

    def _aggregate_periods(self, window: Window) -> None:
        aggregates = self.platform.warehouse.aggregates
        if KlinesStage.HOURS in self.stages:
            aggregates.recompute_hours(self.symbol, window, self.closed_before_ms)
        if KlinesStage.DAYS in self.stages:
            aggregates.recompute_days(self.symbol, window, self.closed_before_ms)

    def _resolve_gaps(self, window: Window) -> FailureReasons:
        """Asks the exchange for what is missing; the days of which it said nothing, and why."""
        if KlinesStage.RAW not in self.stages:
            return {}
        return resolve_gaps(
            self.platform, self.symbol, window, self.closed_before_ms, refused_too=True
        )

    def _resolve_conflicts(self, window: Window) -> bool:
        """Hold the hours against the exchange's own, and load the minutes that give these.

        Returns whether any were loaded: imported minutes may have gone, and left holes.
        """
        asks = {KlinesStage.RAW, KlinesStage.HOURS} <= set(self.stages)
        if not asks or not is_listed(self.platform, self.symbol):
            return False
        try:
            found = resolve_conflicts(self.platform, self.symbol, window, self.closed_before_ms)
        except NotListed as error:
            require_delisted(self.platform, self.symbol, error)
            return False
        if found:
            self._aggregate_periods(window)
            record_gaps(self.platform, self.symbol, window, self.closed_before_ms)
        return bool(found)

    def _fail_later_stages(self, day: date, error: CryptoAssetsError) -> list[DayOutcome]:
        later = [
            stage for stage in KlinesStage if stage in self.stages and stage is not KlinesStage.RAW
        ]
        return [DayOutcome(stage, self.symbol, day, error=error) for stage in later]

    def _build_later_outcomes(self, day: date, held: DayRowCounts, loaded: int) -> list[DayOutcome]:
        """What the tables now hold of a day; one that still runs has no daily candle.

        Where every day is answered for, that is said: Dagster would call its partition failed.
        """
        missing = {KlinesStage.FACTS: self._count_missing_minutes(day, held.minutes)}
        facts: dict[KlinesStage, dict[str, object]] = {KlinesStage.FACTS: {"loaded": loaded}}
        rows = {KlinesStage.FACTS: held.minutes, KlinesStage.HOURS: held.hours}
        start = day_start_ms(day)
        reach = {KlinesStage.HOURS: held.hours_range}
        if held.minutes and not missing[KlinesStage.FACTS]:
            # Nothing is missing from midnight on, so the count says where the last one stands.
            reach[KlinesStage.FACTS] = (start, start + (held.minutes - 1) * MINUTE_MS)
        if self._is_over(day):
            rows[KlinesStage.DAYS] = held.days
            reach[KlinesStage.DAYS] = (start, start) if held.days else None
        elif self.reports_every_day:
            rows[KlinesStage.DAYS] = 0
            facts[KlinesStage.DAYS] = {"candle": "comes when the day has ended"}
        return [
            DayOutcome(
                stage,
                self.symbol,
                day,
                count,
                facts.get(stage, {}),
                time_range=reach.get(stage),
                missing_minutes=missing.get(stage),
            )
            for stage, count in rows.items()
            if stage in self.stages
        ]

    def _count_missing_minutes(self, day: date, minutes: int) -> int:
        """Minutes of the day that have closed and are not there."""
        closed = Window.of_day(day) & Window(0, self.closed_before_ms)
        return max(0, closed.minutes - minutes)

    def _is_over(self, day: date) -> bool:
        return day_start_ms(day) + DAY_MS <= self.closed_before_ms

    def _no_data_error(self, day: date) -> ObjectMissing:
        return ObjectMissing(
            f"neither lake nor warehouse holds {self.symbol} of {day}: materialise raw_klines first"
        )

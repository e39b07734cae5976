"""Ingests one symbol: exchange → lake → facts → hours → days, a month at a time."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import date

from crypto_assets.errors import CryptoAssetsError, NotListed, ObjectMissing, TransientError
from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import (
    DAY_MS,
    MINUTE_MS,
    Window,
    ceil_ms,
    day_of,
    day_start_ms,
    group_by_month,
    group_consecutive_days,
    minute_end_ms,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.holes import record_holes
from crypto_assets.pipeline.gaps.resolve_gaps import (
    classify_gaps,
    fetch_missing,
    list_unexplained_days,
    list_unexplained_gaps,
    record_gaps,
)
from crypto_assets.pipeline.reconciliation.resolve_conflicts import resolve_conflicts
from crypto_assets.pipeline.stages.compaction import compact_days
from crypto_assets.pipeline.stages.load_facts import load_klines
from crypto_assets.pipeline.stages.results import DayOutcome, ErrorsByDay, KlinesStage
from crypto_assets.pipeline.stages.row_counts import DayRowCounts, count_rows_by_day
from crypto_assets.pipeline.stages.store_raw import (
    StoredDay,
    build_raw_outcome,
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

# Gaps are gaps of the facts: to resolve them is to fetch minutes and to load them.
_GAP_STAGES = {KlinesStage.RAW, KlinesStage.FACTS}


@dataclass(frozen=True)
class LoadedDays:
    """Rows loaded by day, and the days that failed."""

    rows: Counter[date] = field(default_factory=Counter)
    errors: ErrorsByDay = field(default_factory=dict)


@dataclass(frozen=True)
class ResolvedGaps:
    """What REST had of the gaps of a window, by day, the rows loaded from it, and the failures."""

    stored: dict[date, StoredDay] = field(default_factory=dict)
    rows: Counter[date] = field(default_factory=Counter)
    errors: ErrorsByDay = field(default_factory=dict)


@dataclass(frozen=True)
class SymbolPipeline:
    """Takes one symbol through `stages`, within `window`, up to the newest closed candle.

    `closed_before_ms` is the exchange's clock minus the settle delay. `pool` fetches days in
    parallel. With `reports_every_day`, the day in progress has an outcome at the last stage too.
    """

    context: PipelineContext
    symbol: str
    window: Window
    stages: Collection[KlinesStage]
    closed_before_ms: int
    pool: Executor
    reports_every_day: bool = False

    @property
    def can_resolve_gaps(self) -> bool:
        """Whether raw_klines and fact_klines are among the stages: one fetches, the other loads."""
        return set(self.stages) >= _GAP_STAGES

    def ingest_days(self) -> Iterator[list[DayOutcome]]:
        """Ingest the whole days of the window, and resolve their gaps and conflicts.

        Yields all outcomes of the days of one calendar month at a time. At the end, records
        the days between these and other stored ones as gaps.
        """
        if KlinesStage.RAW in self.stages:
            refresh_delisted_status(self.context, self.symbol)
        self._record_skipped_gap()
        months = list(group_by_month(self.list_days()))
        fetching = self._start_fetching(months[0]) if months else []
        for number, days in enumerate(months, start=1):
            stored = [future.result() for future in fetching]
            fetching = self._start_fetching(months[number]) if number < len(months) else []
            yield self.load_stored_days(days, stored, resolve=True)
        if KlinesStage.FACTS in self.stages:
            record_holes(self.context, self.closed_before_ms, self.symbol)

    def ingest_new_candles(self) -> Iterator[list[DayOutcome]]:
        """Ingest the candles that closed since the newest stored one."""
        try:
            since = Window(self._find_start_ms(), self.closed_before_ms)
            stored = store_window(self.context, self.symbol, since, self.closed_before_ms)
        except NotListed as error:
            yield self._record_delisting(since, error)
            return
        except CryptoAssetsError as error:
            yield self.build_aborted_outcome(error)
            return
        if stored:
            yield self.load_stored_days([day.day for day in stored], stored)
            refresh_inactive_status(self.context, self.symbol)

    def load_stored_days(
        self, days: Sequence[date], stored: Sequence[StoredDay], *, resolve: bool = False
    ) -> list[DayOutcome]:
        """Load what the lake holds of ascending `days`, and aggregate it.

        `stored` are those of the days that were just fetched. With `resolve`, also resolves gaps
        and conflicts with the exchange. Returns an outcome of each stored day at the raw stage, and
        of each day at the later ones.
        """
        outcomes: list[DayOutcome] = []
        for window in group_consecutive_days(days):
            in_window = [day for day in stored if day_start_ms(day.day) in window]
            outcomes += self._load_window(window, in_window, resolve=resolve)
        return outcomes

    def resolve_gaps(self, window: Window, *, include_refused: bool = False) -> ResolvedGaps:
        """Fetch, load and classify the unexplained gaps of a window: truth rule 7.

        Fetches minutes of the window only; the part of a gap outside it keeps its own retries. Does
        nothing unless `can_resolve_gaps`. A gap that fails does not stop the others, unless the
        exchange is unavailable: then all remaining days fail.
        """
        resolved = ResolvedGaps()
        if not self.can_resolve_gaps:
            return resolved
        warehouse = self.context.warehouse
        for gap in list_unexplained_gaps(
            warehouse, self.symbol, window, include_refused=include_refused
        ):
            missing = gap.window & window
            try:
                self._fill_gap(missing, resolved)
                classify_gaps(self.context, self.symbol, gap.window, self.closed_before_ms)
            except TransientError as error:
                remaining = Window(missing.start_ms, window.end_ms)
                days = list_unexplained_days(warehouse, self.symbol, remaining)
                resolved.errors.update(dict.fromkeys(days, error) | resolved.errors)
                break
            except CryptoAssetsError as error:
                resolved.errors.update(dict.fromkeys(missing.iter_days(), error))
        return resolved

    def list_days(self) -> list[date]:
        """The UTC days of the window that have begun, oldest first."""
        return list((self.window & Window(0, self.closed_before_ms)).iter_days())

    def build_outcomes(
        self, days: Sequence[date], fetched: Collection[date], loaded: Mapping[date, int]
    ) -> list[DayOutcome]:
        """Outcomes of days at the stages after the raw one, from what the tables contain.

        A day without rows failed, unless it is among the `fetched`. `loaded` counts rows by day.
        """
        counts: dict[date, DayRowCounts] = {}
        for window in group_consecutive_days(days):
            counts |= count_rows_by_day(self.context.warehouse, self.symbol, window)
        outcomes = []
        for day in days:
            if counts[day] != DayRowCounts() or day in fetched:
                outcomes += self._build_day_outcomes(day, counts[day], loaded.get(day, 0))
            else:
                outcomes += self.build_failed_outcomes({day: self._no_data_error(day)})
        return outcomes

    def build_lake_outcome(self, stored: StoredDay) -> DayOutcome:
        """The raw outcome of a day, with all its objects in the manifest. Raises WarehouseError."""
        objects = self.context.warehouse.lake_objects.list_in_window(
            self.symbol, ObjectKind.KLINES, Window.of_day(stored.day)
        )
        return build_raw_outcome(self.symbol, stored, objects)

    def build_aborted_outcome(self, error: CryptoAssetsError) -> list[DayOutcome]:
        """A failed outcome of the newest day, for an error that concerns the whole window."""
        newest = [day_of(self.window.start_ms), *self.list_days()][-1]
        first = next(stage for stage in KlinesStage if stage in self.stages)
        return [DayOutcome(first, self.symbol, newest, error=error)]

    def build_failed_outcomes(self, errors: ErrorsByDay) -> list[DayOutcome]:
        """Failed outcomes of days at all stages after the raw one."""
        return [
            DayOutcome(stage, self.symbol, day, error=error)
            for day, error in errors.items()
            for stage in KlinesStage
            if stage in self.stages and stage is not KlinesStage.RAW
        ]

    def _find_start_ms(self) -> int:
        newest = self.context.warehouse.watermarks.get_watermark(self.symbol).last_open_time
        return max(self.window.start_ms, -1 if newest is None else newest + 1)

    def _record_skipped_gap(self) -> None:
        """Record the gap between the newest stored candle and the window.

        The newest candle is about to move past it, and later ticks look only after that.
        """
        newest = self.context.warehouse.watermarks.get_watermark(self.symbol).last_open_time
        if newest is not None and KlinesStage.FACTS in self.stages:
            skipped = Window(minute_end_ms(newest), self.window.start_ms)
            record_gaps(self.context, self.symbol, skipped, self.closed_before_ms)

    def _record_delisting(self, since: Window, error: NotListed) -> list[DayOutcome]:
        """Record that the symbol has ended; returns an outcome of each day that failed."""
        window = Window(ceil_ms(since.start_ms, MINUTE_MS), since.end_ms)
        try:
            require_delisted(self.context, self.symbol, error)
            record_gaps(self.context, self.symbol, window, self.closed_before_ms)
            errors = self.resolve_gaps(window).errors
        except CryptoAssetsError as failure:
            return self.build_aborted_outcome(failure)
        return self.build_failed_outcomes(errors)

    def _start_fetching(self, days: Sequence[date]) -> list[Future[StoredDay]]:
        if KlinesStage.RAW not in self.stages:
            return []
        return store_days(self.context, self.symbol, days, self.closed_before_ms, self.pool)

    def _load_window(
        self, window: Window, stored: Sequence[StoredDay], *, resolve: bool
    ) -> list[DayOutcome]:
        """Load and aggregate whole days without a break between them."""
        days = list(window.iter_days())
        raw = [day.build_outcome(self.symbol) for day in stored]
        errors: ErrorsByDay = {day.day: day.error for day in stored if day.error}
        try:
            loaded = self._load_and_aggregate(window, stored)
            resolved = self._resolve_window(window) if resolve else ResolvedGaps()
            errors |= resolved.errors | loaded.errors
            clear = [day for day in days if day not in errors]
            fetched = {day.day for day in stored}
            later = self.build_outcomes(clear, fetched, loaded.rows + resolved.rows)
            raw = [
                self.build_lake_outcome(day)
                if day.day in resolved.stored and not day.error
                else day.build_outcome(self.symbol)
                for day in stored
            ]
        except CryptoAssetsError as error:
            errors, later = dict.fromkeys(days, error) | errors, []
        return raw + self.build_failed_outcomes(errors) + later

    def _load_and_aggregate(self, window: Window, stored: Sequence[StoredDay]) -> LoadedDays:
        """Take what the lake holds of whole days through the stages after the raw one."""
        record_stored_days(self.context, self.symbol, stored)
        bodies = dict(body for day in stored for body in day.bodies)
        loaded = self._load_facts(window, bodies)
        self._aggregate_periods(window)
        if KlinesStage.FACTS in self.stages:
            compact_days(self.context, self.symbol, window)
            record_gaps(self.context, self.symbol, window, self.closed_before_ms)
        return loaded

    def _load_facts(self, window: Window, bodies: Mapping[str, bytes]) -> LoadedDays:
        """Load the facts of a window at once, or day by day if an object cannot be loaded."""
        if KlinesStage.FACTS not in self.stages:
            return LoadedDays()
        try:
            rows = load_klines(self.context, self.symbol, window, bodies)
            return LoadedDays(Counter(rows))
        except TransientError:
            raise
        except CryptoAssetsError as error:
            days = list(window.iter_days())
            if len(days) == 1:
                return LoadedDays(errors={days[0]: error})
        loaded = LoadedDays()
        for day in days:
            of_day = self._load_facts(Window.of_day(day), bodies)
            loaded.rows.update(of_day.rows)
            loaded.errors.update(of_day.errors)
        return loaded

    def _aggregate_periods(self, window: Window) -> None:
        aggregates = self.context.warehouse.aggregates
        if KlinesStage.HOURS in self.stages:
            aggregates.recompute_hours(self.symbol, window, self.closed_before_ms)
        if KlinesStage.DAYS in self.stages:
            aggregates.recompute_days(self.symbol, window, self.closed_before_ms)

    def _resolve_window(self, window: Window) -> ResolvedGaps:
        """Resolve gaps and conflicts; gaps again if resolving the conflicts changed any minute."""
        resolved = self.resolve_gaps(window, include_refused=True)
        if not self._resolve_conflicts(window):
            return resolved
        again = self.resolve_gaps(window, include_refused=True)
        return ResolvedGaps(
            resolved.stored | again.stored, resolved.rows + again.rows, again.errors
        )

    def _fill_gap(self, missing: Window, resolved: ResolvedGaps) -> None:
        """Fetch what REST has of missing minutes, and take it through the stages."""
        stored = fetch_missing(self.context, self.symbol, missing, self.closed_before_ms)
        if not stored:
            return
        days = Window.of_days(stored[0].day, stored[-1].day)
        loaded = self._load_and_aggregate(days, stored)
        resolved.stored.update({day.day: day for day in stored})
        resolved.rows.update(loaded.rows)
        resolved.errors.update(loaded.errors)

    def _resolve_conflicts(self, window: Window) -> bool:
        """Compare the hours with the exchange's own, and load the minutes that give these.

        Returns whether any were loaded: imported minutes may have been dropped, which leaves gaps.
        Needs all stages, since it changes the tables of all.
        """
        if set(self.stages) != set(KlinesStage) or not is_listed(self.context, self.symbol):
            return False
        try:
            conflicts = resolve_conflicts(self.context, self.symbol, window, self.closed_before_ms)
        except NotListed as error:
            require_delisted(self.context, self.symbol, error)
            return False
        if conflicts:
            self._aggregate_periods(window)
            record_gaps(self.context, self.symbol, window, self.closed_before_ms)
        return bool(conflicts)

    def _build_day_outcomes(self, day: date, counts: DayRowCounts, loaded: int) -> list[DayOutcome]:
        """Outcomes of a day at the stages after the raw one.

        A day in progress has no daily candle. If every day is reported, its outcome describes that:
        without one, Dagster would mark the partition as failed.
        """
        start = day_start_ms(day)
        missing = self._count_missing_minutes(day, counts.minutes)
        # Nothing is missing from midnight on, so the count gives the last open time.
        newest = start + (counts.minutes - 1) * MINUTE_MS
        facts = DayOutcome(
            KlinesStage.FACTS,
            self.symbol,
            day,
            counts.minutes,
            {"loaded": loaded},
            time_range=(start, newest) if counts.minutes and not missing else None,
            missing_minutes=missing,
        )
        hours = DayOutcome(
            KlinesStage.HOURS, self.symbol, day, counts.hours, time_range=counts.hours_range
        )
        outcomes = [facts, hours]
        if self._has_ended(day):
            reach = (start, start) if counts.days else None
            outcomes.append(
                DayOutcome(KlinesStage.DAYS, self.symbol, day, counts.days, time_range=reach)
            )
        elif self.reports_every_day:
            pending = {"candle": "available after the day has ended"}
            outcomes.append(DayOutcome(KlinesStage.DAYS, self.symbol, day, 0, pending))
        return [outcome for outcome in outcomes if outcome.stage in self.stages]

    def _count_missing_minutes(self, day: date, minutes: int) -> int:
        """Closed minutes of the day that are not stored."""
        closed = Window.of_day(day) & Window(0, self.closed_before_ms)
        return max(0, closed.minutes - minutes)

    def _has_ended(self, day: date) -> bool:
        return day_start_ms(day) + DAY_MS <= self.closed_before_ms

    def _no_data_error(self, day: date) -> ObjectMissing:
        return ObjectMissing(
            f"{self.symbol} has no data of {day} in lake or warehouse: materialize raw_klines first"
        )

"""Plans and launches backfills: validates days and symbols, and lists the Dagster partitions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from crypto_assets.errors import UnknownSymbol, WrongUse
from crypto_assets.market.symbols import parse_symbol
from crypto_assets.market.utc_time import Window, day_of
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.orchestrator.partition_keys import build_date_keys, format_partition_key
from crypto_assets.orchestrator.run_queue import BACKFILL_TAGS
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.settings import PartitionUnit

# With more keys of one asset Dagster's own pages fail.
MAX_PARTITION_KEYS = 100_000


@dataclass(frozen=True)
class Partitioning:
    """The unit of Dagster's date partitions, and the first UTC day."""

    unit: PartitionUnit
    start: date


@dataclass(frozen=True)
class BackfillRequest:
    """UTC days, both inclusive, of symbols, and the keys of the partitions that contain them."""

    symbols: tuple[str, ...]
    first: date
    last: date
    partition_keys: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{', '.join(self.symbols)} {self.first} to {self.last}"


def plan_backfill(
    context: PipelineContext,
    partitioning: Partitioning,
    symbols: Sequence[str] | None,
    first: date,
    last: date,
) -> BackfillRequest:
    """Validate a backfill and list its partitions; without symbols, of every tracked one.

    Days are widened to whole partitions. Raises WrongUse, and UnknownSymbol for one that is not
    tracked.
    """
    today = day_of(context.exchange_now())
    validate_day_range(first, last, today, partitioning.start)
    tracked = [symbol.name for symbol in context.warehouse.symbols.list_tracked()]
    names = _resolve_symbols(tracked, symbols)
    first, last = widen_to_partitions(partitioning.unit, first, last, today)
    dates = build_date_keys(partitioning.unit, first, last)
    if len(dates) * len(names) > MAX_PARTITION_KEYS:
        raise WrongUse(
            f"{len(dates):,} partitions of each of {len(names)} symbols are more than "
            f"{MAX_PARTITION_KEYS:,} partitions: choose fewer days or symbols"
        )
    keys = tuple(format_partition_key(day, name) for name in names for day in dates)
    return BackfillRequest(names, first, last, keys)


def launch_backfill(orchestrator: Orchestrator, request: BackfillRequest) -> str:
    """Launch a backfill in a running Dagster; return its id. Raises OrchestratorError."""
    orchestrator.require_healthy_daemons()
    orchestrator.add_symbol_partitions(request.symbols)
    return orchestrator.launch_backfill(
        list(KlinesStage), request.partition_keys, BACKFILL_TAGS, request.title
    )


def validate_day_range(
    first: date, last: date, today: date, start: date, names: tuple[str, str] = ("from", "to")
) -> None:
    """Raise WrongUse for a range that is reversed, too early, or in the future.

    `today` is the day by the exchange's clock. `names` are the names of the two days in messages.
    """
    if first > last:
        raise WrongUse(f"{names[0]} {first} is after {names[1]} {last}: swap them")
    if last > today:
        raise WrongUse(
            f"{names[1]} {last} is in the future: today is {today} by the exchange's clock"
        )
    if first < start:
        raise WrongUse(
            f"{names[0]} {first} is before START_DATE {start}: set CRYPTO_START_DATE={first} "
            "or earlier, then run `crypto-assets init`"
        )


def widen_to_partitions(
    unit: PartitionUnit, first: date, last: date, today: date
) -> tuple[date, date]:
    """Widen a range to whole months in month mode, up to `today`."""
    if unit is PartitionUnit.DAY:
        return first, last
    return first.replace(day=1), min(today, day_of(Window.of_month(last).end_ms - 1))


def _resolve_symbols(tracked: Sequence[str], symbols: Sequence[str] | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(parse_symbol(text, tracked) for text in symbols or tracked))
    if unknown := [name for name in names if name not in tracked]:
        raise UnknownSymbol(f"not tracked: {', '.join(unknown)}; add them before you backfill them")
    if not names:
        raise WrongUse("no symbol is tracked: add one before you backfill it")
    return names

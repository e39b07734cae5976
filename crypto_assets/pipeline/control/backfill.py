"""Backfills as people ask for them: days by symbols, checked, then as partitions of Dagster."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from crypto_assets.errors import UnknownSymbol, WrongUse
from crypto_assets.market.symbols import parse_symbol
from crypto_assets.market.utc_time import Window, day_of
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.orchestrator.partition_keys import build_date_keys, format_partition_key
from crypto_assets.orchestrator.run_classes import BACKFILL_TAGS
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.settings import PartitionUnit

# Beyond so many keys of one asset Dagster's own pages fail.
MAX_PARTITION_KEYS = 100_000


@dataclass(frozen=True)
class Partitioning:
    """How Dagster's dates are cut, and the first UTC day that can be collected."""

    unit: PartitionUnit
    start: date


@dataclass(frozen=True)
class BackfillRequest:
    """UTC days, both inclusive, by symbols; `keys` are the partitions that hold them."""

    symbols: tuple[str, ...]
    first: date
    last: date
    partition_keys: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{', '.join(self.symbols)} {self.first} to {self.last}"


def plan_backfill(
    platform: PipelineContext,
    cut: Partitioning,
    symbols: Sequence[str] | None,
    first: date,
    last: date,
) -> BackfillRequest:
    """What to ask Dagster for; no symbols means every tracked one, months are widened to.

    Raises WrongUse, and UnknownSymbol for one that is not tracked.
    """
    today = day_of(platform.exchange_now())
    validate_day_range(first, last, today, cut.start)
    tracked = [symbol.name for symbol in platform.warehouse.symbols.list_tracked()]
    names = _resolve_symbols(tracked, symbols)
    first, last = widen_to_partitions(cut.unit, first, last, today)
    dates = build_date_keys(cut.unit, first, last)
    if len(dates) * len(names) > MAX_PARTITION_KEYS:
        raise WrongUse(
            f"{len(dates):,} days of {len(names)} symbols are more than {MAX_PARTITION_KEYS:,} partitions: "
            "ask for a shorter stretch or fewer symbols"
        )
    keys = tuple(format_partition_key(day, name) for name in names for day in dates)
    return BackfillRequest(names, first, last, keys)


def launch_backfill(orchestrator: Orchestrator, wanted: BackfillRequest) -> str:
    """Hands it to a running Dagster; answers the backfill's id. Raises OrchestratorError."""
    orchestrator.require_healthy_daemons()
    orchestrator.add_symbol_partitions(wanted.symbols)
    return orchestrator.launch_backfill(
        list(KlinesStage), wanted.partition_keys, BACKFILL_TAGS, wanted.title
    )


def validate_day_range(
    first: date, last: date, today: date, start: date, names: tuple[str, str] = ("from", "to")
) -> None:
    """Raises WrongUse for a range that is reversed, too early, or not yet begun.

    `today` is the day by the exchange's clock; `names` are what a person called the two days.
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
    """In month mode a range widens to whole months, as far as they have begun."""
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

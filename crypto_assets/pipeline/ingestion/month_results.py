"""Outcomes of monthly partitions: their figures describe the whole month, not the run's days."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.stages.results import DayOutcome, KlinesStage
from crypto_assets.pipeline.stages.row_counts import count_stage_rows
from crypto_assets.settings import PartitionUnit
from crypto_assets.warehouse import Warehouse


def build_month_outcomes(
    warehouse: Warehouse, outcomes: Sequence[DayOutcome], closed_before_ms: int
) -> list[DayOutcome]:
    """The outcomes of one symbol's days with the figures of their months.

    If a month cannot be counted, the outcomes of its days carry that error.
    """
    months: dict[tuple[KlinesStage, Window], DayOutcome] = {}
    month_outcomes = []
    for outcome in outcomes:
        if outcome.error or not isinstance(outcome.stage, KlinesStage):
            month_outcomes.append(outcome)
            continue
        key = outcome.stage, Window.of_month(outcome.day)
        if key not in months:
            months[key] = _build_month_outcome(warehouse, outcome, *key, closed_before_ms)
        month_outcomes.append(replace(months[key], day=outcome.day, details=outcome.details))
    return month_outcomes


def get_partition_window(unit: str, day: date) -> Window:
    """The partition that contains a day: the day itself, or its month."""
    return Window.of_month(day) if unit == PartitionUnit.MONTH else Window.of_day(day)


def _build_month_outcome(
    warehouse: Warehouse,
    outcome: DayOutcome,
    stage: KlinesStage,
    month: Window,
    closed_before_ms: int,
) -> DayOutcome:
    try:
        rows, time_range = count_stage_rows(warehouse, stage, outcome.symbol, month)
    except CryptoAssetsError as error:
        return replace(outcome, error=error)
    closed = month & Window(0, closed_before_ms)
    missing = max(0, closed.minutes - rows) if stage is KlinesStage.FACTS else None
    return replace(outcome, rows=rows, time_range=time_range, missing_minutes=missing)

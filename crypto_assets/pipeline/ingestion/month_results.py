"""Partitions that are months: what is said of one is true of the whole, whatever a run touched."""

from collections.abc import Sequence
from dataclasses import replace

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.results import DayOutcome, KlinesStage
from crypto_assets.pipeline.stages.row_counts import count_stage_rows


def build_month_outcomes(
    platform: PipelineContext, outcomes: Sequence[DayOutcome], closed_before_ms: int
) -> list[DayOutcome]:
    """Outcomes of one symbol's days with the figures of their months; good ones of a month that
    cannot be read turn bad.
    """
    asked: dict[tuple[KlinesStage, Window], DayOutcome] = {}
    found = []
    for outcome in outcomes:
        if outcome.error or not isinstance(outcome.stage, KlinesStage):
            found.append(outcome)
            continue
        month = Window.of_month(outcome.day)
        if (outcome.stage, month) not in asked:
            asked[outcome.stage, month] = _build_month_outcome(
                platform, outcome, month, closed_before_ms
            )
        whole = asked[outcome.stage, month]
        found.append(replace(whole, day=outcome.day, details=outcome.details))
    return found


def _build_month_outcome(
    platform: PipelineContext, outcome: DayOutcome, month: Window, closed_before_ms: int
) -> DayOutcome:
    stage = KlinesStage(outcome.stage)
    try:
        rows, reach = count_stage_rows(platform, stage, outcome.symbol, month)
    except CryptoAssetsError as error:
        return replace(outcome, error=error)
    closed = month & Window(0, closed_before_ms)
    due = closed.minutes
    missing = max(0, due - rows) if stage is KlinesStage.FACTS else None
    return replace(outcome, rows=rows, time_range=reach, missing_minutes=missing)

"""Measures one ingest tick in a new process, as Dagster's launcher starts each run."""

import time
from collections.abc import Sequence

from dagster import AssetKey

from crypto_assets.dagster_ext.instance_home import open_instance
from crypto_assets.definitions import defs
from crypto_assets.defs.ingest import ingest_job
from crypto_assets.defs.markets import DEFAULT_MARKET
from crypto_assets.defs.run_partitions import PartitionRectangle
from crypto_assets.market.utc_time import Window, from_epoch_ms
from crypto_assets.pipeline.control.bootstrap import require_stores_ready
from crypto_assets.pipeline.ingestion import tick_plan
from crypto_assets.pipeline.ingestion.ingest import IngestMode, ingest_symbols
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_pipeline_context, open_shared_context


def measure_tick() -> float:
    """Measure the seconds of our own work in the run, including its connections."""
    tick = _plan_tick()
    days = Window.of_days(tick.first_day, tick.last_day)
    windows = dict.fromkeys(tick.symbols, days)
    began = time.monotonic()
    context = open_pipeline_context(get_settings())
    require_stores_ready(context)
    batches = list(ingest_symbols(context, windows, _list_stages(tick), IngestMode.TAIL))
    seconds = time.monotonic() - began
    outcomes = [outcome for batch in batches for outcome in batch]
    assert not [outcome.error for outcome in outcomes if outcome.error]
    loaded = {outcome.symbol for outcome in outcomes if outcome.stage is KlinesStage.FACTS}
    assert loaded == set(tick.symbols), set(tick.symbols) - loaded
    return seconds


def measure_dagster_run() -> float:
    """Measure the seconds of the whole run: the same work, and Dagster's."""
    tick = _plan_tick()
    with open_instance(get_settings().dagster_home) as instance:
        dates = DEFAULT_MARKET.partitions.list_date_keys(tick.first_day, tick.last_day)
        rectangle = PartitionRectangle(tuple(dates), tick.symbols)
        job = defs.resolve_job_def(ingest_job.name).get_subset(
            asset_selection=frozenset(AssetKey(stage.value) for stage in _list_stages(tick)),
            asset_check_selection=frozenset(),
        )
        began = time.monotonic()
        ran = job.execute_in_process(
            instance=instance,
            tags=rectangle.description_tags,
            run_config=rectangle.build_run_config(DEFAULT_MARKET.klines_op),
        )
        seconds = time.monotonic() - began
    assert ran.success
    return seconds


def _plan_tick() -> tick_plan.TickPlan:
    """Plan the tick that the schedule would request now."""
    return tick_plan.plan_ingest_tick(
        open_shared_context(), from_epoch_ms(open_shared_context().exchange_now())
    )


def _list_stages(tick: tick_plan.TickPlan) -> Sequence[KlinesStage]:
    return list(KlinesStage) if tick.has_closed_hour else [KlinesStage.RAW, KlinesStage.FACTS]

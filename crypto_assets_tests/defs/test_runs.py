"""Runs of one key, of a rectangle of keys, of a subset of assets, and with a failed key."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import dagster as dg
import pytest

from crypto_assets.dagster_ext.run_failures import describe_step_failure
from crypto_assets.defs.assets.klines import KlinesConfig, klines_assets
from crypto_assets.defs.assets.order_books import order_book_assets
from crypto_assets.defs.gap_repair import load_orphaned_books_job
from crypto_assets.defs.ingest import order_books_job
from crypto_assets.defs.partitions import register_symbol_partitions
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import MINUTE_MS, Window, day_start_ms, to_epoch_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.stages.order_books import capture_order_book
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage
from crypto_assets_tests.defs.partition_ranges import build_range_tags
from crypto_assets_tests.pipeline.conftest import BuildPlatform, build_platform, open_times
from crypto_assets_tests.services.dagster_home import new_instance
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

__all__ = ["build_platform"]

_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


@pytest.fixture
def platform(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    platform: PipelineContext = build_platform(server, *_SYMBOLS)
    return platform


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with new_instance(tmp_path) as instance:
        register_symbol_partitions(instance, _SYMBOLS)
        yield instance


def run(
    instance: dg.DagsterInstance,
    platform: PipelineContext,
    first: str,
    last: str,
    *assets: str,
    ingest_mode: IngestMode = IngestMode.DAYS,
    config: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [klines_assets],
        selection=list(assets or [stage.value for stage in KlinesStage]),
        instance=instance,
        resources={"platform": platform},
        tags={**build_range_tags(first, last), **(tags or {})},
        run_config={
            "ops": {"bring_klines": {"config": config or {"ingest_mode": ingest_mode.name}}}
        }
        if not assets or KlinesStage.RAW.value in assets
        else None,
        raise_on_error=False,
    )


def count_facts_and_days(platform: PipelineContext) -> tuple[int, int]:
    """Minutes and daily candles of BTCUSDT in the warehouse."""
    days = platform.warehouse.aggregates.read_candles("BTCUSDT", Interval.D1, Window(0, 2**53))
    return len(open_times(platform)), days.num_rows


def green(instance: dg.DagsterInstance, asset: str) -> set[str]:
    return set(instance.get_materialized_partitions(dg.AssetKey(asset)))


def test_a_run_of_one_key(instance: dg.DagsterInstance, platform: PipelineContext) -> None:
    key = "2025-03-05|ETHUSDT"
    result = dg.materialize(
        [klines_assets], instance=instance, resources={"platform": platform}, partition_key=key
    )
    assert result.success
    for stage in KlinesStage:
        assert green(instance, stage.value) == {key}
    assert len(open_times(platform, "ETHUSDT")) == 1440


def test_a_rectangle_of_keys_is_one_run_with_an_event_per_key(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    result = run(instance, platform, "2025-03-04|BTCUSDT", "2025-03-05|SOLUSDT")
    assert result.success
    wanted = {f"2025-03-0{day}|{symbol}" for day in (4, 5) for symbol in _SYMBOLS}
    for stage in KlinesStage:
        assert green(instance, stage.value) == wanted
    events = instance.get_records_for_run(
        result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    ).records
    stored = {
        (
            event.asset_materialization.asset_key.to_user_string(),
            event.asset_materialization.metadata["dagster/partition_row_count"].value,
            event.asset_materialization.metadata["span_minutes"].value,
        )
        for event in (record.event_log_entry for record in events)
        if event.asset_materialization
    }
    # To the end of the last candle, so that whole days have the same span at each stage.
    counts = {
        KlinesStage.RAW: 1440,
        KlinesStage.FACTS: 1440,
        KlinesStage.HOURS: 24,
        KlinesStage.DAYS: 1,
    }
    assert stored == {(stage.value, count, 1440) for stage, count in counts.items()}


def test_a_partition_links_to_the_chart_of_its_day(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    result = run(instance, platform, "2025-03-04|ETHUSDT", "2025-03-04|ETHUSDT")
    begin, end = (to_epoch_ms(datetime(2025, 3, day, tzinfo=UTC)) // 1000 for day in (4, 5))
    seen = {
        event.asset_key.to_user_string(): str(event.materialization.metadata["chart"].value)
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    links = {name: parse_qs(urlsplit(url).query) for name, url in seen.items()}
    minutes = {"symbol": ["ETHUSDT"], "interval": ["1m"], "view": [f"{begin}-{end}"]}
    assert links[KlinesStage.RAW] == links[KlinesStage.FACTS] == minutes
    assert links[KlinesStage.HOURS]["view"] == [f"{end - 30 * 86400}-{end}"]
    assert links[KlinesStage.DAYS]["interval"] == ["1d"]


def test_the_current_day_has_no_daily_candle_yet(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    today = "2025-03-06|BTCUSDT"
    assert run(instance, platform, today, today, ingest_mode=IngestMode.TAIL).success
    assert green(instance, KlinesStage.HOURS) == {today}
    assert green(instance, KlinesStage.DAYS) == set(), "a tick does not materialize it"
    result = run(instance, platform, today, today)
    assert green(instance, KlinesStage.DAYS) == {today}
    metadata = next(
        event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(KlinesStage.DAYS)
    )
    assert metadata["dagster/partition_row_count"].value == 0
    assert metadata["candle"].value == "available after the day has ended"


@pytest.mark.parametrize(
    "before",
    [{"tags": {"crypto/errand": "tail"}}, {"config": {"errand": "TAIL"}}],
    ids=["tag", "config"],
)
def test_runs_that_were_queued_before_an_upgrade_keep_their_ingest_mode(
    instance: dg.DagsterInstance, platform: PipelineContext, before: dict[str, dict[str, str]]
) -> None:
    today = "2025-03-06|BTCUSDT"
    assert run(instance, platform, today, today, **before).success
    assert green(instance, KlinesStage.HOURS) == {today}
    assert green(instance, KlinesStage.DAYS) == set()


def test_downstream_assets_alone_use_the_lake(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    day = ("2025-03-05|BTCUSDT", "2025-03-05|BTCUSDT")
    assert run(instance, platform, *day, KlinesStage.RAW.value).success
    assert open_times(platform) == []
    assert run(instance, platform, *day, KlinesStage.FACTS.value, KlinesStage.HOURS.value).success
    assert len(open_times(platform)) == 1440
    assert green(instance, KlinesStage.HOURS) == {day[0]}


def test_raw_klines_alone_of_a_day_beside_a_gap_changes_no_other_day(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    for day in ("2025-03-03", "2025-03-06"):
        assert run(instance, platform, f"{day}|BTCUSDT", f"{day}|BTCUSDT").success
    assert count_facts_and_days(platform) == (2160, 1)
    stored = {stage: green(instance, stage) for stage in KlinesStage}

    key = "2025-03-05|BTCUSDT"
    assert run(instance, platform, key, key, KlinesStage.RAW.value).success
    assert count_facts_and_days(platform) == (2160, 1)
    days = {entry.key.split("/")[0] for entry in platform.raw_lake.list_entries()}
    assert days == {"2025-03-03", "2025-03-05", "2025-03-06"}
    assert {stage: green(instance, stage) for stage in KlinesStage} == stored | {
        KlinesStage.RAW: stored[KlinesStage.RAW] | {key}
    }


def test_a_gap_retry_materializes_each_day_that_it_fills(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    for day in ("2025-03-03", "2025-03-06"):
        assert run(instance, platform, f"{day}|BTCUSDT", f"{day}|BTCUSDT").success
    first, last = "2025-03-04|BTCUSDT", "2025-03-05|BTCUSDT"
    assert run(instance, platform, last, last, ingest_mode=IngestMode.GAPS).success
    assert count_facts_and_days(platform) == (3600, 2), "of the gap, the days of the run alone"
    assert run(instance, platform, first, last, ingest_mode=IngestMode.GAPS).success
    assert count_facts_and_days(platform) == (3600, 2), "the next retry is not due yet"
    platform.warehouse.gap_ledger.record_retry("BTCUSDT", day_start_ms(date(2025, 3, 4)), 0)
    assert run(instance, platform, first, last, ingest_mode=IngestMode.GAPS).success
    assert count_facts_and_days(platform) == (5040, 3)
    for stage in KlinesStage:
        assert green(instance, stage) == {f"2025-03-0{day}|BTCUSDT" for day in (3, 4, 5, 6)}


def test_facts_of_a_day_missing_in_the_lake_are_not_materialized(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    result = run(
        instance, platform, "2025-03-05|BTCUSDT", "2025-03-05|BTCUSDT", KlinesStage.FACTS.value
    )
    assert not result.success
    assert green(instance, KlinesStage.FACTS) == set()


def test_a_failed_key_is_named_and_the_others_succeed(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    server.faults.add_rule({"do": "status", "status": 451, "symbol": "ETHUSDT"})
    server.faults.add_rule({"do": "archive", "how": "missing", "symbol": "ETHUSDT"})
    result = run(instance, platform, "2025-03-04|BTCUSDT", "2025-03-05|SOLUSDT")
    assert not result.success
    assert "2025-03-04|ETHUSDT" in str(result.get_step_failure_events()[0].step_failure_data)
    good = {f"2025-03-0{day}|{symbol}" for day in (4, 5) for symbol in ("BTCUSDT", "SOLUSDT")}
    for stage in KlinesStage:
        assert green(instance, stage.value) == good
    server.faults.clear_rules()
    assert run(instance, platform, "2025-03-04|ETHUSDT", "2025-03-05|ETHUSDT").success
    assert len(open_times(platform, "ETHUSDT")) == 2880


def test_a_tick_ingests_new_candles_of_all_symbols(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    today = ("2025-03-06|BTCUSDT", "2025-03-06|SOLUSDT")
    assert run(instance, platform, *today).success
    server.clock.advance(2 * MINUTE_MS)
    result = run(instance, platform, *today, ingest_mode=IngestMode.TAIL)
    assert result.success
    for symbol in _SYMBOLS:
        assert len(open_times(platform, symbol)) == 12 * 60 + 2
    for event in result.get_asset_materialization_events():
        seen = event.materialization.metadata
        if event.asset_key == dg.AssetKey(KlinesStage.RAW):
            assert seen["stored_objects"].value == 1
            assert "dagster/partition_row_count" not in seen, "the lake holds more of the day"
        elif event.asset_key == dg.AssetKey(KlinesStage.FACTS):
            assert seen["dagster/partition_row_count"].value == 12 * 60 + 2
            assert seen["span_minutes"].value == 12 * 60 + 2


def run_order_books(
    instance: dg.DagsterInstance,
    platform: PipelineContext,
    dates: Sequence[str] = (),
    symbols: Sequence[str] = (),
    job: dg.JobDefinition = order_books_job,
) -> dg.ExecuteInProcessResult:
    """Run a job of order books, by default without a run config, as a user launches it."""
    defs = dg.Definitions(assets=[order_book_assets], jobs=[job], resources={"platform": platform})
    config = {"dates": list(dates), "symbols": list(symbols)}
    op = {"order_books": "capture_books", "load_leftover_books": "load_books"}[job.name]
    return defs.resolve_job_def(job.name).execute_in_process(
        instance=instance,
        run_config={"ops": {op: {"config": config}}} if dates else None,
        raise_on_error=False,
    )


def test_order_books_of_today_and_of_a_past_day(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    assert run_order_books(instance, platform, ["2025-03-06"], _SYMBOLS).success
    assert green(instance, OrderBookStage.FACTS) == {f"2025-03-06|{symbol}" for symbol in _SYMBOLS}
    past = run_order_books(instance, platform, ["2025-03-01"], ["BTCUSDT"])
    assert not past.success
    assert f"{date(2025, 3, 1)}|BTCUSDT" not in green(instance, OrderBookStage.RAW)


def test_order_books_without_a_run_config_are_todays_of_all_tracked_symbols(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    """As from the page of the job, since no button materializes external assets."""
    platform.warehouse.symbols.untrack_symbol("ETHUSDT")
    assert run_order_books(instance, platform).success
    expected = {"2025-03-06|BTCUSDT", "2025-03-06|SOLUSDT"}
    assert green(instance, OrderBookStage.RAW) == green(instance, OrderBookStage.FACTS) == expected


def test_orphaned_order_books_are_loaded_and_none_is_captured(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    capture_order_book(platform, "BTCUSDT")
    day = ["2025-03-06"]
    assert run_order_books(instance, platform, day, ["BTCUSDT"], load_orphaned_books_job).success
    assert green(instance, OrderBookStage.FACTS) == {"2025-03-06|BTCUSDT"}
    assert green(instance, OrderBookStage.RAW) == set()
    assert len(list(platform.raw_lake.list_entries())) == 1


def test_a_tick_of_order_books_skips_an_untracked_symbol(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    """Its key is between two others; a delisted symbol would fail each tick."""
    platform.warehouse.symbols.untrack_symbol("ETHUSDT")
    assert run_order_books(instance, platform, ["2025-03-06"], _SYMBOLS).success
    assert green(instance, OrderBookStage.FACTS) == {"2025-03-06|BTCUSDT", "2025-03-06|SOLUSDT"}


def test_stores_of_another_exchange_are_not_changed(
    instance: dg.DagsterInstance,
    platform: PipelineContext,
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
) -> None:
    other: PipelineContext = build_platform(simulated_exchange(now=NOON, seed=2), *_SYMBOLS)
    mixed = replace(platform, exchange=other.exchange)
    result = run(instance, mixed, "2025-03-05|BTCUSDT", "2025-03-05|BTCUSDT")
    assert not result.success
    assert open_times(platform) == []


def test_a_run_of_checks_without_partitions_fails_and_says_what_to_do(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    """Dagster's button "Execute all" launches such a run."""
    result = dg.materialize(
        [klines_assets],
        selection=dg.AssetSelection.checks_for_assets(KlinesStage.FACTS.value),
        instance=instance,
        resources={"platform": platform},
        raise_on_error=False,
    )
    (failure,) = result.get_step_failure_events()
    assert "materialize the partition of a day" in describe_step_failure(failure)


@pytest.mark.parametrize(
    ("dates", "symbols", "complaint"),
    [
        (["yesterday"], ["BTCUSDT"], "`dates` contains 'yesterday', which is no partition"),
        (["2025-3-6"], ["BTCUSDT"], "'2025-3-6', which is no partition"),
        (["2024-12-31"], ["BTCUSDT"], "write 2025-01-01 or a later key"),
        (["2025-03-05"], [], "needs both `dates` and `symbols`"),
        (["2025-03-05"], ["BTC/USDT"], "`symbols`: "),
        (["2025-03-05"], ["btcusdt"], "write BTCUSDT"),
    ],
)
def test_an_invalid_run_config_fails_and_says_what_is_wrong(
    instance: dg.DagsterInstance,
    platform: PipelineContext,
    dates: list[str],
    symbols: list[str],
    complaint: str,
) -> None:
    """As somebody may write it in the launchpad."""
    result = dg.materialize(
        [klines_assets],
        instance=instance,
        resources={"platform": platform},
        run_config=dg.RunConfig(ops={"bring_klines": KlinesConfig(dates=dates, symbols=symbols)}),
        raise_on_error=False,
    )
    (failure,) = result.get_step_failure_events()
    reason = describe_step_failure(failure)
    assert reason.startswith("invalid run config: ") and complaint in reason
    assert count_facts_and_days(platform) == (0, 0)

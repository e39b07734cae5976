"""A run in its own process with its own Dagster instance, which starts with concurrent runs."""

from dataclasses import dataclass
from datetime import date
from multiprocessing.synchronize import Barrier
from pathlib import Path

import dagster as dg

from crypto_assets.dagster_ext.run_failures import describe_step_failure
from crypto_assets.defs.assets.klines import klines_assets
from crypto_assets.defs.partitions import register_symbol_partitions
from crypto_assets.exchange import open_exchange
from crypto_assets.lake import open_lake
from crypto_assets.orchestrator.run_queue import INGEST_MODE_TAG
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.defs.partition_ranges import build_range_tags

SYMBOLS = ("BTCUSDT", "ETHUSDT")
_meeting: list[Barrier] = []
_platforms: list[PipelineContext] = []


@dataclass(frozen=True)
class Place:
    """The exchange, lake and warehouse that the concurrent runs share."""

    exchange_url: str
    lake: Path
    warehouse_url: str

    def platform(self) -> PipelineContext:
        return PipelineContext(
            exchange=open_exchange(self.exchange_url, self.exchange_url),
            raw_lake=open_lake(str(self.lake / "raw")),
            archive_lake=open_lake(str(self.lake / "archive")),
            warehouse=Warehouse(self.warehouse_url),
            settle_ms=5_000,
            order_book_levels=20,
            default_ingest_minutes=1,
            default_order_book_minutes=5,
        )


def enter(barrier: Barrier, place: Place) -> None:
    """Initialize a process of the pool."""
    _meeting.append(barrier)
    _platforms.append(place.platform())


def run(mode: IngestMode, day: date) -> str:
    """Ingest all symbols' partitions of the day; return the reason of a failure, or ""."""
    with dg.DagsterInstance.ephemeral() as instance:
        register_symbol_partitions(instance, SYMBOLS)
        _meeting[0].wait(600)
        result = dg.materialize(
            [klines_assets],
            selection=[stage.value for stage in KlinesStage],
            instance=instance,
            resources={"platform": _platforms[0]},
            tags={
                INGEST_MODE_TAG: mode.value,
                **build_range_tags(f"{day}|{SYMBOLS[0]}", f"{day}|{SYMBOLS[-1]}"),
            },
            raise_on_error=False,
        )
    return "; ".join(describe_step_failure(event) for event in result.get_step_failure_events())

"""A backfill without Dagster, split as the command splits it, to measure Dagster's share."""

from collections.abc import Sequence
from datetime import date

from crypto_assets.defs.backfill import split_into_rectangles
from crypto_assets.defs.partitions import DEFAULT_PARTITIONS
from crypto_assets.pipeline.control.bootstrap import require_stores_ready
from crypto_assets.pipeline.ingestion.ingest import ingest_symbols
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.wiring import open_shared_context


def backfill_without_dagster(symbols: Sequence[str], first: date, last: date) -> None:
    """Ingest whole days of symbols. Raises the first error of an outcome."""
    require_stores_ready(open_shared_context())
    for part in split_into_rectangles(symbols, first, last):
        keys = DEFAULT_PARTITIONS.group_keys_by_symbol(part.partition_keys)
        windows = {own.symbol: own.window for own in keys}
        for outcomes in ingest_symbols(open_shared_context(), windows, set(KlinesStage)):
            for outcome in outcomes:
                if outcome.error:
                    raise outcome.error

"""The partitions of a run: those that Dagster planned, or the dates and symbols of its run config.

Dagster plans each key of a run that it gives a partition or a range of them. If such a run fails,
every key that it has not materialized is shown as failed: one failed symbol would turn the days of
all others red. Therefore the runs of ticks, closings, repairs and automatic backfills get their
dates and symbols as run config, and log a materialization for each key. Two tags show them in
Dagster's list of runs.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import dagster as dg
from pydantic import Field

from crypto_assets.defs.partitions import MarketPartitions, SymbolKeys
from crypto_assets.errors import WrongUse
from crypto_assets.market.symbols import parse_symbol
from crypto_assets.orchestrator.partition_keys import build_partition_tags, format_partition_key

# The context of the step of a multi-asset, or of an op.
StepContext: TypeAlias = dg.AssetExecutionContext | dg.OpExecutionContext


class PartitionsConfig(dg.Config):
    """Run config of a run without Dagster's partition tags: its date keys and symbols."""

    dates: list[str] = Field(default=[], description="Keys of the date dimension, oldest first")
    symbols: list[str] = Field(default=[], description="Symbols, each ingested on all of the dates")


@dataclass(frozen=True)
class PartitionRectangle:
    """The partitions of one run: each of its symbols on each of its dates, which ascend."""

    dates: tuple[str, ...]
    symbols: tuple[str, ...]

    @property
    def partition_keys(self) -> list[str]:
        return [format_partition_key(day, symbol) for day in self.dates for symbol in self.symbols]

    @property
    def description_tags(self) -> dict[str, str]:
        return build_partition_tags(self.dates, self.symbols)

    def build_run_config(self, op: str) -> dict[str, Any]:
        """Build the run config with which the op of a multi-asset processes these partitions."""
        config = {"dates": list(self.dates), "symbols": list(self.symbols)}
        return {"ops": {op: {"config": config}}}


def group_requested_keys(
    partitions: MarketPartitions, context: StepContext, config: PartitionsConfig
) -> list[SymbolKeys]:
    """Group the keys of a run by symbol; returns [] for a run without partitions."""
    if has_planned_partitions(context):
        return partitions.group_keys_by_symbol(context.partition_keys)
    rectangle = PartitionRectangle(tuple(config.dates), tuple(config.symbols))
    return partitions.group_keys_by_symbol(rectangle.partition_keys)


def describe_invalid_config(partitions: MarketPartitions, config: PartitionsConfig) -> str | None:
    """Describe what is wrong with the run config of a run without Dagster's partition tags."""
    if bool(config.dates) != bool(config.symbols):
        return "it needs both `dates` and `symbols`, or neither"
    if (wrong := partitions.find_invalid_date_key(config.dates)) is not None:
        first = partitions.date_key(partitions.start)
        return f"`dates` contains {wrong!r}, which is no partition: write {first} or a later key"
    for symbol in config.symbols:
        try:
            parsed = parse_symbol(symbol)
        except WrongUse as error:
            return f"`symbols`: {error}"
        if parsed != symbol:
            return f"`symbols` contains {symbol!r}: write {parsed}"
    return None


def has_planned_partitions(context: StepContext) -> bool:
    """Whether Dagster gave the run a partition or a range of them."""
    return bool(context.has_partition_key or context.has_partition_key_range)


def get_step_name(context: StepContext) -> str:
    """Return the name of the step's op."""
    is_op = isinstance(context, dg.OpExecutionContext)
    name: str = (context if is_op else context.op_execution_context).op.name
    return name

"""What the definitions of a market are built from, and the default market.

Every asset, job, schedule and sensor that belongs to a market is built by a function of a
`MarketSpec`. The modules of this package call them with `DEFAULT_MARKET`; the component
`ExchangeCandles` calls them with the market that its YAML file describes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import dagster as dg

from crypto_assets.defs.freshness import build_freshness_policies
from crypto_assets.defs.partitions import DEFAULT_PARTITIONS, MarketPartitions
from crypto_assets.defs.stored_values import StoredValues, read_stored_values
from crypto_assets.market.utc_time import day_of, now_ms
from crypto_assets.orchestrator.partition_keys import SYMBOL_PARTITIONS_NAME
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.settings import Settings, get_settings

_STORES_RESOURCE_KEY = "platform"
WEBHOOK_RESOURCE_KEY = "webhook"
# The ops that take the run config.
_KLINES_OP = "bring_klines"
_ORDER_BOOKS_OP = "capture_books"  # not `order_books`, since a job has that name
_LOAD_BOOKS_OP = "load_books"


@dataclass(frozen=True)
class MarketSpec:
    """A market: an exchange with its stores, as its settings choose them.

    `name` is the prefix of everything that the market defines in Dagster; it is empty for the
    default market, that of the settings, whose names have no prefix. The sensor `symbols` of a
    further market initializes its stores and tracks the symbols of its settings, as `init` does for
    the default one.
    `refused_symbols` says what is wrong with each invalid symbol, which the settings do not have.
    """

    name: str
    settings: Settings
    refused_symbols: tuple[str, ...] = ()

    @property
    def is_default(self) -> bool:
        """Whether this is the market of the settings, which app, API and commands show."""
        return not self.name

    @cached_property
    def partitions(self) -> MarketPartitions:
        """The days or months and the symbols of the market's assets."""
        if self.is_default:
            return DEFAULT_PARTITIONS
        return MarketPartitions(
            self.settings.partition_unit,
            self.settings.start_date,
            self.prefix_name(SYMBOL_PARTITIONS_NAME),
        )

    @cached_property
    def order_book_partitions(self) -> MarketPartitions:
        """The partitions of order books, which begin with the first capture.

        Without one, they begin today, so that the first capture has a partition.
        """
        first = self.stored_values.first_book_day or day_of(now_ms())
        return replace(self.partitions, start=max(first, self.partitions.start))

    @cached_property
    def stored_values(self) -> StoredValues:
        """What the definitions read from the market's warehouse, once per process."""
        return read_stored_values(self.settings)

    @cached_property
    def freshness_policies(self) -> Mapping[str, dg.FreshnessPolicy]:
        """The freshness policies of the market's assets, by name."""
        return build_freshness_policies(self.stored_values)

    @property
    def resource_key(self) -> str:
        """The resource that opens the market's exchange, lakes and warehouse."""
        return self.prefix_name(_STORES_RESOURCE_KEY)

    @property
    def klines_op(self) -> str:
        """The op of the assets of candles, which takes the run config."""
        return self.prefix_name(_KLINES_OP)

    @property
    def order_books_op(self) -> str:
        """The op that captures and loads order books, which takes the run config."""
        return self.prefix_name(_ORDER_BOOKS_OP)

    @property
    def load_books_op(self) -> str:
        """The op that loads orphaned order books, which takes the run config."""
        return self.prefix_name(_LOAD_BOOKS_OP)

    def prefix_name(self, name: str) -> str:
        """Return the name of the market's job, schedule, sensor, op, group or resource."""
        return f"{self.name}_{name}" if self.name else name

    def asset_key(self, name: str) -> dg.AssetKey:
        """Return the key of one of the market's assets; a stage is named as its asset."""
        # Dagster does not store the members of an enum, which stages are.
        return dg.AssetKey([self.name, str(name)] if self.name else [str(name)])

    def select_assets(self, names: Iterable[str]) -> dg.AssetSelection:
        """Select some of the market's assets."""
        return dg.AssetSelection.assets(*map(self.asset_key, names))

    def select_klines(self) -> dg.AssetSelection:
        """Select the market's assets of candles."""
        return self.select_assets(KlinesStage)

    def get_platform(self, context: Any) -> PipelineContext:
        """Return the market's resource from the context of a run, a schedule or a sensor."""
        platform: PipelineContext = getattr(context.resources, self.resource_key)
        return platform


def get_asset_name(key: dg.AssetKey) -> str:
    """Return the name of an asset without the prefix of its market."""
    return key.path[-1]


DEFAULT_MARKET = MarketSpec("", get_settings())

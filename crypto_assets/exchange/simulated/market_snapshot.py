"""One reading of a symbol's candles: at an instant, under the script's rules that then hold."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.exchange.simulated.candle_source import BASE_INTERVALS, CandleSource
from crypto_assets.exchange.simulated.faults.rules import (
    CandleChannel,
    DelistRule,
    ListRule,
    MarketRule,
    OutageRule,
    ReviseRule,
)
from crypto_assets.exchange.simulated.faults.value_changes import apply_changes
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.market.utc_time import Window

MarketRules = tuple[MarketRule, ...]


@dataclass(frozen=True)
class MarketSnapshot:
    """`now` in epoch ms by the exchange's clock; `edition` the rules that change the candles."""

    now: int
    rules: MarketRules = ()

    @property
    def is_listed(self) -> bool:
        """False before a listing that the script sets."""
        return all(rule.at <= self.now for rule in self.rules if isinstance(rule, ListRule))


def select_active_rules(
    rules: Iterable[MarketRule], symbol: str, channel: CandleChannel, now: int
) -> MarketRules:
    """The rules that hold now for a symbol whose candles are read by this door."""
    return tuple(
        rule
        for rule in rules
        if rule.is_active(now)
        and rule.concerns_symbol(symbol)
        and (not isinstance(rule, OutageRule | ReviseRule) or rule.applies_to_channel(channel))
    )


def find_trading_window(source: CandleSource, symbol: str, edition: MarketRules) -> Window:
    """The symbol's life, as the source has it and the script cuts it."""
    return clip_to_listings(source.get_trading_window(symbol), edition)


def clip_to_listings(life: Window, edition: MarketRules) -> Window:
    """`life` as listings and delistings of the script cut it."""
    for rule in edition:
        if isinstance(rule, ListRule):
            life &= Window(rule.at, life.end_ms)
        elif isinstance(rule, DelistRule):
            life &= Window(life.start_ms, rule.at)
    return life


def select_final_candles(
    source: CandleSource, symbol: str, interval: KlineInterval, window: Window, edition: MarketRules
) -> pa.Table:
    """The source's final candles under an edition of the rules.

    Outages and revisions change minutes and seconds alone; what is built of them follows.
    """
    candles = source.select_candles(symbol, interval, clip_to_listings(window, edition))
    if interval not in BASE_INTERVALS:
        return candles
    for rule in edition:
        if isinstance(rule, OutageRule):
            candles = candles.filter(pc.invert(_mask_rule_minutes(candles, rule)))
        elif isinstance(rule, ReviseRule):
            candles = _revise_candles(candles, rule)
    return candles


def _mask_rule_minutes(candles: pa.Table, rule: OutageRule | ReviseRule) -> pa.ChunkedArray:
    opens = candles["open_time"]
    return pc.and_(pc.greater_equal(opens, rule.start), pc.less(opens, rule.end))


def _revise_candles(candles: pa.Table, rule: ReviseRule) -> pa.Table:
    inside = _mask_rule_minutes(candles, rule)
    if not pc.any(inside).as_py():
        return candles
    parts = [candles.filter(pc.invert(inside)), apply_changes(candles.filter(inside), rule.change)]
    return pa.concat_tables(parts).sort_by("open_time")

"""A snapshot of a symbol's market: a time, and the fault script's rules active at that time."""

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
    """`now` in epoch ms by the exchange's clock, and the active rules that change candles."""

    now: int
    rules: MarketRules = ()

    @property
    def is_listed(self) -> bool:
        """Whether the script's listing of the symbol, if any, has taken place."""
        return all(rule.at <= self.now for rule in self.rules if isinstance(rule, ListRule))


def select_active_rules(
    rules: Iterable[MarketRule], symbol: str, channel: CandleChannel, now: int
) -> MarketRules:
    """Return the rules active now for a symbol's candles in a channel."""
    return tuple(
        rule
        for rule in rules
        if rule.is_active(now)
        and rule.concerns_symbol(symbol)
        and (not isinstance(rule, OutageRule | ReviseRule) or rule.applies_to_channel(channel))
    )


def find_trading_window(source: CandleSource, symbol: str, rules: MarketRules) -> Window:
    """Return the source's trading window, clipped to the script's listings and delistings."""
    return clip_to_listings(source.get_trading_window(symbol), rules)


def clip_to_listings(window: Window, rules: MarketRules) -> Window:
    """Clip a window to the script's listings and delistings."""
    for rule in rules:
        if isinstance(rule, ListRule):
            window &= Window(rule.at, window.end_ms)
        elif isinstance(rule, DelistRule):
            window &= Window(window.start_ms, rule.at)
    return window


def select_final_candles(
    source: CandleSource, symbol: str, interval: KlineInterval, window: Window, rules: MarketRules
) -> pa.Table:
    """Return the source's final candles with the rules applied.

    Outages and revisions change minutes and seconds only; larger candles are built from these.
    """
    candles = source.select_candles(symbol, interval, clip_to_listings(window, rules))
    if interval not in BASE_INTERVALS:
        return candles
    for rule in rules:
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

"""One reading of a symbol's candles: at an instant, under the script's rules that then hold."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.exchange.simulated.candle_source import PARTS, CandleSource
from crypto_assets.exchange.simulated.faults.rules import (
    Channel,
    Delist,
    List,
    MarketRule,
    Outage,
    Revise,
)
from crypto_assets.exchange.simulated.faults.value_changes import changed
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.market.utc_time import Window

Rules = tuple[MarketRule, ...]


@dataclass(frozen=True)
class Reading:
    """`now` in epoch ms by the exchange's clock; `edition` the rules that change the candles."""

    now: int
    edition: Rules = ()

    @property
    def listed(self) -> bool:
        """False before a listing that the script sets."""
        return all(rule.at <= self.now for rule in self.edition if isinstance(rule, List))


def edition_of(rules: Iterable[MarketRule], symbol: str, channel: Channel, now: int) -> Rules:
    """The rules that hold now for a symbol whose candles are read by this door."""
    return tuple(
        rule
        for rule in rules
        if rule.active(now)
        and rule.concerns(symbol)
        and (not isinstance(rule, Outage | Revise) or rule.read_by(channel))
    )


def span(source: CandleSource, symbol: str, edition: Rules) -> Window:
    """The symbol's life, as the source has it and the script cuts it."""
    return lifetime(source.span(symbol), edition)


def lifetime(life: Window, edition: Rules) -> Window:
    """`life` as listings and delistings of the script cut it."""
    for rule in edition:
        if isinstance(rule, List):
            life &= Window(rule.at, life.end_ms)
        elif isinstance(rule, Delist):
            life &= Window(life.start_ms, rule.at)
    return life


def final_candles(
    source: CandleSource, symbol: str, interval: KlineInterval, window: Window, edition: Rules
) -> pa.Table:
    """The source's final candles under an edition of the rules.

    Outages and revisions change minutes and seconds alone; what is built of them follows.
    """
    candles = source.candles(symbol, interval, lifetime(window, edition))
    if interval not in PARTS:
        return candles
    for rule in edition:
        if isinstance(rule, Outage):
            candles = candles.filter(pc.invert(_inside(candles, rule)))
        elif isinstance(rule, Revise):
            candles = _revised(candles, rule)
    return candles


def _inside(candles: pa.Table, rule: Outage | Revise) -> pa.ChunkedArray:
    opens = candles["open_time"]
    return pc.and_(pc.greater_equal(opens, rule.start), pc.less(opens, rule.end))


def _revised(candles: pa.Table, rule: Revise) -> pa.Table:
    inside = _inside(candles, rule)
    if not pc.any(inside).as_py():
        return candles
    parts = [candles.filter(pc.invert(inside)), changed(candles.filter(inside), rule.change)]
    return pa.concat_tables(parts).sort_by("open_time")

"""The gap ledger: holes are found after each load, and explained once the exchange has answered."""

from crypto_assets.market.clock import MINUTE_MS, Window, floor_ms, isoformat
from crypto_assets.market.intervals import Interval
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.pipeline.platform import Platform
from crypto_assets.warehouse import Gap, GapClass

# A candle may reach REST late; a hole this fresh is asked for again before it is believed.
_FRESH_MS = 10 * MINUTE_MS
_FIRST_RETRY_MS = 15 * MINUTE_MS
_LAST_RETRY_MS = 24 * 60 * MINUTE_MS


def note_holes(platform: Platform, symbol: str, window: Window, closed_before_ms: int) -> None:
    """Bring the ledger of `window` up to date with the minutes that are held.

    A hole that touches a gap beyond the window's edge is one gap with it, over midnights too.
    """
    closed = window & Window(0, floor_ms(closed_before_ms, MINUTE_MS))
    if closed:
        platform.warehouse.gaps.refresh(symbol, closed, _with_neighbours(platform, symbol, closed))


def explain_holes(platform: Platform, symbol: str, window: Window, closed_before_ms: int) -> None:
    """Ask REST again for the open gaps of a window, and class those of which it has nothing.

    Before the first candle ever it was not listed, after the last of a symbol that trades no more
    it is delisted, between the two it is an outage (truth rule 7). What REST has, or is fresh,
    stays open and is retried.
    """
    for gap in platform.warehouse.gaps.list(symbol, window):
        if gap.gap_class in (GapClass.OPEN, GapClass.ARCHIVE_LATE):
            _explain(platform, gap, closed_before_ms)


def postpone(platform: Platform, gap: Gap, now_ms: int) -> None:
    """Count a retry of an open gap; the next one is due after twice the distance, a day at most."""
    distance = min(_LAST_RETRY_MS, _FIRST_RETRY_MS * 2**gap.attempts)
    platform.warehouse.gaps.retried(gap.symbol, gap.start, now_ms + distance)


def _with_neighbours(platform: Platform, symbol: str, window: Window) -> Window:
    reach = Window(window.start_ms - MINUTE_MS, window.end_ms + MINUTE_MS)
    gaps = platform.warehouse.gaps.list(symbol, reach)
    return Window(
        min([window.start_ms, *(gap.start for gap in gaps)]),
        max([window.end_ms, *(gap.end + MINUTE_MS for gap in gaps)]),
    )


def _explain(platform: Platform, gap: Gap, closed_before_ms: int) -> None:
    if _has_candles(platform, gap.symbol, Window(gap.start, gap.end + 1)):
        return
    asked = f"REST had none of it at {isoformat(closed_before_ms)}"
    first = _first_candle(platform, gap)
    if first is None or gap.end < first:
        listed = "there is no candle yet" if first is None else f"first candle {isoformat(first)}"
        _classify(platform, gap, GapClass.NOT_LISTED, f"{asked}; {listed}")
    elif _is_last(platform, gap) and (status := _status(platform, gap)) != SymbolStatus.TRADING:
        _classify(platform, gap, GapClass.DELISTED, f"{asked}; its status is {status}")
    elif gap.end < closed_before_ms - _FRESH_MS:
        _classify(platform, gap, GapClass.OUTAGE, f"{asked}, nor had the archive")


def _classify(platform: Platform, gap: Gap, gap_class: GapClass, evidence: str) -> None:
    platform.warehouse.gaps.classify(gap.symbol, gap.start, gap_class, evidence)


def _first_candle(platform: Platform, gap: Gap) -> int | None:
    """The symbol's first open time, by what we hold, else by the exchange."""
    earlier = platform.warehouse.facts.read(gap.symbol, Window(0, gap.start), limit=1)
    if earlier.num_rows:
        return int(earlier["open_time"][0].as_py())
    pages = platform.exchange.rest.klines(gap.symbol, Interval.M1, Window(0, platform.now()))
    first = next(pages, None)
    return int(first[0][0]) if first else None


def _is_last(platform: Platform, gap: Gap) -> bool:
    """Whether the exchange has no candle after the gap."""
    return not _has_candles(platform, gap.symbol, Window(gap.end + 1, platform.now()))


def _has_candles(platform: Platform, symbol: str, window: Window) -> bool:
    return next(platform.exchange.rest.klines(symbol, Interval.M1, window), None) is not None


def _status(platform: Platform, gap: Gap) -> SymbolStatus:
    return platform.exchange.rest.exchange_info([gap.symbol]).symbols[gap.symbol].status

"""Open gaps are asked for again, each time after a longer while."""

from collections.abc import Iterator
from datetime import date

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.clock import MINUTE_MS, Window, day_of
from crypto_assets.pipeline.chain import Chain
from crypto_assets.pipeline.gaps import explain_holes, postpone
from crypto_assets.pipeline.outcome import DayOutcome
from crypto_assets.pipeline.platform import Platform
from crypto_assets.warehouse import Gap


def due_gaps(platform: Platform) -> list[Gap]:
    """Unexplained gaps of tracked symbols whose next attempt has come."""
    tracked = {symbol.name for symbol in platform.warehouse.symbols.tracked()}
    return [gap for gap in platform.warehouse.gaps.due(platform.now()) if gap.symbol in tracked]


def retry_gaps(chain: Chain) -> Iterator[list[DayOutcome]]:
    """Ask the exchange again for the due gaps of the chain's window; outcomes of their days.

    An attempt counts before it is made: one that is cut off must not be made again at once.
    """
    platform = chain.platform
    mine = [gap for gap in due_gaps(platform) if gap.symbol == chain.symbol]
    for gap in mine:
        span = Window(gap.start, gap.end + MINUTE_MS)
        if not span & chain.window:
            continue
        days = list(span.days())
        postpone(platform, gap, platform.now())
        try:
            explain_holes(platform, chain.symbol, span, chain.closed_before_ms)
        except CryptoAssetsError as error:
            yield chain.failed(days, error)
        else:
            yield chain.outcomes(days, set(days), {})


def days_of(gap: Gap) -> tuple[date, date]:
    """First and last UTC day that a gap touches."""
    return day_of(gap.start), day_of(gap.end)

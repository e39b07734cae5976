"""Symbols that have fallen silent: one among twenty is noticed."""

from dataclasses import dataclass

from crypto_assets.errors import ExchangeError
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.market.utc_time import MINUTE_MS, format_utc, now_ms
from crypto_assets.pipeline.alerting.webhook import Alert
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.warehouse import RegisteredSymbol, Watermark

_STALE_AFTER_INTERVALS = 3
_GRACE_MS = 5 * MINUTE_MS


@dataclass(frozen=True)
class StaleSymbol:
    """A tracked symbol without new candles; `newest` is its last open time, epoch ms."""

    symbol: str
    newest: int | None

    def build_alert(self, link: str) -> Alert:
        last = "none ever" if self.newest is None else f"the newest is of {format_utc(self.newest)}"
        return Alert(
            subject=f"{self.symbol} is silent",
            error=f"no new candle comes; {last}",
            symbol=self.symbol,
            link=link,
        )


def find_stale_symbols(platform: PipelineContext) -> list[StaleSymbol]:
    """Tracked, trading, nothing new for three ticks and five minutes, and nothing fetched either.

    A symbol that a backfill brings from far behind is not silent: it is being fetched.
    """
    patience = _STALE_AFTER_INTERVALS * platform.read_ingest_interval() * MINUTE_MS + _GRACE_MS
    marks = platform.warehouse.watermarks.get_all()
    exchange_now, here_now = _exchange_or_local_now(platform), now_ms()
    return [
        StaleSymbol(symbol.name, mark.last_open_time)
        for symbol in platform.warehouse.symbols.list_tracked()
        if _is_stale(
            symbol,
            mark := marks.get(symbol.name, Watermark()),
            exchange_now - patience,
            here_now - patience,
        )
    ]


def _is_stale(symbol: RegisteredSymbol, mark: Watermark, opened_by: int, fetched_by: int) -> bool:
    if symbol.status != SymbolStatus.TRADING:
        return False
    if mark.last_open_time is None:
        return symbol.active_since < fetched_by
    return mark.last_open_time < opened_by and (mark.last_fetch_time or 0) < fetched_by


def _exchange_or_local_now(platform: PipelineContext) -> int:
    """By this machine's clock where the exchange is silent itself, which is when this is asked."""
    try:
        return platform.exchange_now()
    except ExchangeError:
        return now_ms()

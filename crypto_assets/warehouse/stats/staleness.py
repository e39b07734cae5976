"""Finds tracked symbols of which no new candles arrive."""

from dataclasses import dataclass

from crypto_assets.market.staleness import StalenessPolicy
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.warehouse.catalog.app_settings import AppSettings
from crypto_assets.warehouse.catalog.symbols import RegisteredSymbol, SymbolCatalog
from crypto_assets.warehouse.catalog.watermarks import Watermark, Watermarks


@dataclass(frozen=True)
class StaleSymbol:
    """A tracked symbol without new candles.

    `last_open_time` is that of its newest candle in epoch ms, None before the first.
    """

    symbol: str
    last_open_time: int | None


class StalenessStats:
    def __init__(
        self, symbols: SymbolCatalog, watermarks: Watermarks, app_settings: AppSettings
    ) -> None:
        self._symbols = symbols
        self._watermarks = watermarks
        self._app_settings = app_settings

    def list_stale_symbols(
        self,
        default_ingest_minutes: int,
        exchange_now: int,
        local_now: int,
        *,
        from_replica: bool = False,
    ) -> list[StaleSymbol]:
        """List the tracked, trading symbols that are stale, oldest registration first.

        The ingest interval is the app's setting, else `default_ingest_minutes`. Open times are
        compared with `exchange_now`, fetches and registrations with `local_now`, both in epoch ms.
        A symbol that a backfill loads from far behind is not stale: it has been fetched just now.
        """
        interval = self._app_settings.get_ingest_interval(
            default_ingest_minutes, from_replica=from_replica
        )
        tolerance_ms = StalenessPolicy(interval).tolerance_ms
        read_marks = self._watermarks.get_all_readable if from_replica else self._watermarks.get_all
        marks = read_marks()
        return [
            StaleSymbol(symbol.name, mark.last_open_time)
            for symbol in self._symbols.list_tracked(from_replica=from_replica)
            if _is_stale(
                symbol,
                mark := marks.get(symbol.name, Watermark()),
                exchange_now - tolerance_ms,
                local_now - tolerance_ms,
            )
        ]


def _is_stale(
    symbol: RegisteredSymbol, mark: Watermark, opened_before: int, fetched_before: int
) -> bool:
    if symbol.status is not SymbolStatus.TRADING:
        return False
    if mark.last_open_time is None:
        return symbol.active_since < fetched_before
    return mark.last_open_time < opened_before and (mark.last_fetch_time or 0) < fetched_before

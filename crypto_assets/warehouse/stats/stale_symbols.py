"""Finds tracked symbols of which no new candles arrive."""

from dataclasses import dataclass

from crypto_assets.market.staleness import StalenessPolicy
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.warehouse.catalog.app_settings import AppSettings
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
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

        `StalenessPolicy` decides. The ingest interval is the app's setting, else
        `default_ingest_minutes`; `exchange_now` and `local_now` are epoch ms.
        """
        policy = StalenessPolicy(self._app_settings.get_ingest_interval(default_ingest_minutes))
        read_marks = self._watermarks.get_all_readable if from_replica else self._watermarks.get_all
        marks = read_marks()
        return [
            StaleSymbol(symbol.name, mark.last_open_time)
            for symbol in self._symbols.list_tracked(from_replica=from_replica)
            if symbol.status is SymbolStatus.TRADING
            and policy.is_symbol_stale(
                last_open_time=(mark := marks.get(symbol.name, Watermark())).last_open_time,
                last_fetch_time=mark.last_fetch_time,
                tracked_since=symbol.active_since,
                exchange_now=exchange_now,
                local_now=local_now,
            )
        ]

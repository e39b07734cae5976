"""How current the candles of the tracked symbols are."""

from dataclasses import dataclass

from crypto_assets.market.staleness import ExchangeCondition, StalenessPolicy, SymbolState
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
        local_now: int,
        exchange: ExchangeCondition,
        *,
        from_replica: bool = False,
    ) -> list[StaleSymbol]:
        """List the tracked, trading symbols that are stale, oldest registration first.

        The arguments are those of `read_states`.
        """
        states = self.read_states(
            default_ingest_minutes, local_now, exchange, from_replica=from_replica
        )
        marks = self._read_marks(from_replica)
        return [
            StaleSymbol(name, marks.get(name, Watermark()).last_open_time)
            for name, state in states.items()
            if state is SymbolState.DELAYED
        ]

    def read_states(
        self,
        default_ingest_minutes: int,
        local_now: int,
        exchange: ExchangeCondition,
        *,
        from_replica: bool = False,
    ) -> dict[str, SymbolState]:
        """Return the state of each tracked symbol, oldest registration first.

        `StalenessPolicy` decides. The ingest interval is the app's setting, else
        `default_ingest_minutes`; `local_now` is this machine's time in epoch ms.
        """
        policy = StalenessPolicy(self._app_settings.get_ingest_interval(default_ingest_minutes))
        marks = self._read_marks(from_replica)
        return {
            symbol.name: policy.classify_symbol(
                is_trading=symbol.status is SymbolStatus.TRADING,
                is_exchange_reachable=exchange.is_reachable,
                last_open_time=(mark := marks.get(symbol.name, Watermark())).last_open_time,
                last_fetch_time=mark.last_fetch_time,
                tracked_since=symbol.active_since,
                exchange_now=local_now + exchange.clock_lead_ms,
                local_now=local_now,
            )
            for symbol in self._symbols.list_tracked(from_replica=from_replica)
        }

    def _read_marks(self, from_replica: bool) -> dict[str, Watermark]:
        if from_replica:
            return self._watermarks.get_all_readable()
        return self._watermarks.get_all()

"""When data counts as stale: the rule of the dashboard, alerts, freshness policies and metrics."""

from dataclasses import dataclass
from enum import StrEnum

from crypto_assets.market.utc_time import MINUTE_MS

_TOLERATED_INTERVALS = 3
# A daemon that restarts takes some minutes.
_GRACE_MINUTES = 5


class SymbolState(StrEnum):
    """How current the candles of a tracked symbol are, the most urgent state first."""

    UNREACHABLE = "unreachable"  # the exchange does not respond, so no new candle can arrive
    DELAYED = "delayed"  # stale by `StalenessPolicy`
    NOT_TRADING = "not_trading"  # the exchange publishes no new candles
    LOADING = "loading"  # behind, but fetched just now: a backfill catches up
    LIVE = "live"


@dataclass(frozen=True)
class ExchangeCondition:
    """Whether the exchange responds, and by how many ms its clock is ahead of this machine's."""

    is_reachable: bool = True
    clock_lead_ms: int = 0


@dataclass(frozen=True)
class StalenessPolicy:
    """Data is stale once it is older than three ingest intervals and five minutes.

    `interval_minutes` is the interval in force: the app's setting, else the environment's.
    """

    interval_minutes: int

    @property
    def tolerance_ms(self) -> int:
        return (_TOLERATED_INTERVALS * self.interval_minutes + _GRACE_MINUTES) * MINUTE_MS

    def is_symbol_stale(
        self,
        *,
        last_open_time: int | None,
        last_fetch_time: int | None,
        tracked_since: int,
        exchange_now: int,
        local_now: int,
    ) -> bool:
        """Whether a trading symbol is stale; all times are epoch ms.

        Open times are compared with the exchange's clock, tracking with the local one, and fetches
        with the earlier of the two, by which they are stamped. A symbol that a backfill loads from
        far behind is not stale: it was fetched just now.
        """
        if last_open_time is None:
            return tracked_since < local_now - self.tolerance_ms
        return (
            last_open_time < exchange_now - self.tolerance_ms
            and (last_fetch_time or 0) < min(exchange_now, local_now) - self.tolerance_ms
        )

    def classify_symbol(
        self,
        *,
        is_trading: bool,
        is_exchange_reachable: bool,
        last_open_time: int | None,
        last_fetch_time: int | None,
        tracked_since: int,
        exchange_now: int,
        local_now: int,
    ) -> SymbolState:
        """Return the state of a tracked symbol; times as in `is_symbol_stale`."""
        if not is_trading:
            return SymbolState.NOT_TRADING
        if not is_exchange_reachable:
            return SymbolState.UNREACHABLE
        if self.is_symbol_stale(
            last_open_time=last_open_time,
            last_fetch_time=last_fetch_time,
            tracked_since=tracked_since,
            exchange_now=exchange_now,
            local_now=local_now,
        ):
            return SymbolState.DELAYED
        is_behind = last_open_time is None or last_open_time < exchange_now - self.tolerance_ms
        return SymbolState.LOADING if is_behind else SymbolState.LIVE

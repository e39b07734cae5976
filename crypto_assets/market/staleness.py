"""When data counts as stale: the rule of the dashboard, alerts, freshness policies and metrics."""

from dataclasses import dataclass

from crypto_assets.market.utc_time import MINUTE_MS

_TOLERATED_INTERVALS = 3
# A daemon that restarts takes some minutes.
_GRACE_MINUTES = 5


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

        Open times are compared with the exchange's clock, fetches and tracking with the local one.
        A symbol that a backfill loads from far behind is not stale: it was fetched just now.
        """
        if last_open_time is None:
            return tracked_since < local_now - self.tolerance_ms
        return (
            last_open_time < exchange_now - self.tolerance_ms
            and (last_fetch_time or 0) < local_now - self.tolerance_ms
        )

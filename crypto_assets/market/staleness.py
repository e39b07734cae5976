"""When data counts as stale: the rule of the dashboard, alerts, freshness policies and metrics.

`warehouse/stats/staleness.py` applies it to each symbol.
"""

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

"""No storm: the same failure is said once, and again only after growing silences."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from crypto_assets.market.clock import DAY_MS, HOUR_MS
from crypto_assets.pipeline.alerts import Alert

_LONGEST_MS = DAY_MS
_FORGOTTEN_MS = 2 * DAY_MS
_KEPT_AT_MOST = 500


@dataclass(frozen=True)
class AlertMemory:
    """When each failure was said last, and how often: (epoch ms, times) by its identity."""

    said: dict[str, tuple[int, int]] = field(default_factory=dict)

    def sift(self, alerts: Iterable[Alert], now_ms: int) -> tuple[list[Alert], "AlertMemory"]:
        """What is to be said now, each identity once, and the memory after it has been said.

        Silence lasts an hour after the first time, then twice as long each time, a day at most.
        What has not come for two days is news again.
        """
        said = {k: v for k, v in self.said.items() if now_ms - v[0] < _FORGOTTEN_MS}
        fresh = []
        for alert in alerts:
            last, times = said.get(alert.identity, (0, 0))
            if times and now_ms - last < min(_LONGEST_MS, HOUR_MS * 2 ** (times - 1)):
                continue
            said[alert.identity] = (now_ms, times + 1)
            fresh.append(alert)
        newest = sorted(said.items(), key=lambda item: item[1][0])[-_KEPT_AT_MOST:]
        return fresh, AlertMemory(dict(newest))

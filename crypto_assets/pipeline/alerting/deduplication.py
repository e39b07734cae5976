"""No storm: the same failure is said once, and again only after growing silences."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS
from crypto_assets.pipeline.alerting.webhook import Alert

_LONGEST_MS = DAY_MS
_FORGOTTEN_MS = 2 * DAY_MS
# Every job of 400 symbols and more, in 66 KB: a sensor keeps it with each of its ticks.
_KEPT_AT_MOST = 2000
_ALL_OTHERS = "all others"


@dataclass(frozen=True)
class AlertMemory:
    """When each failure was said last, and how often: (epoch ms, times) by its identity."""

    said: dict[str, tuple[int, int]] = field(default_factory=dict)

    def sift(self, alerts: Iterable[Alert], now_ms: int) -> tuple[list[Alert], "AlertMemory"]:
        """What is to be said now, each identity once, and the memory after it has been said.

        Silence lasts an hour after the first time, then twice as long each time, a day at most.
        What has not come for two days is news again. Beyond 2000 identities, those that are new
        share one: forgetting another that is not to be said yet would have it said at once.
        """
        said = {k: v for k, v in self.said.items() if now_ms - v[0] < _FORGOTTEN_MS}
        fresh = []
        for alert in alerts:
            full = alert.identity not in said and len(said) >= _KEPT_AT_MOST
            identity = _ALL_OTHERS if full else alert.identity
            last, times = said.get(identity, (0, 0))
            if times and now_ms - last < min(_LONGEST_MS, HOUR_MS * 2 ** (times - 1)):
                continue
            said[identity] = (now_ms, times + 1)
            fresh.append(alert)
        return fresh, AlertMemory(said)

"""No storm: the same failure is said once, and again only after growing silences."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS
from crypto_assets.pipeline.alerting.webhook import Alert

_LONGEST_PAUSE_MS = DAY_MS
_FORGET_AFTER_MS = 2 * DAY_MS
# Every job of 400 symbols and more, in 66 KB: a sensor keeps it with each of its ticks.
_MAX_IDENTITIES = 2000
_ALL_OTHERS = "all others"


@dataclass(frozen=True)
class AlertHistory:
    """When each failure was said last, and how often: (epoch ms, times) by its identity."""

    sent: dict[str, tuple[int, int]] = field(default_factory=dict)

    def select_due_alerts(
        self, alerts: Iterable[Alert], now_ms: int
    ) -> tuple[list[Alert], "AlertHistory"]:
        """What is to be said now, each identity once, and the memory after it has been said.

        Silence lasts an hour after the first time, then twice as long each time, a day at most.
        What has not come for two days is news again. Beyond 2000 identities, those that are new
        share one: forgetting another that is not to be said yet would have it said at once.
        """
        said = {k: v for k, v in self.sent.items() if now_ms - v[0] < _FORGET_AFTER_MS}
        fresh = []
        for alert in alerts:
            full = alert.fingerprint not in said and len(said) >= _MAX_IDENTITIES
            identity = _ALL_OTHERS if full else alert.fingerprint
            last, times = said.get(identity, (0, 0))
            if times and now_ms - last < min(_LONGEST_PAUSE_MS, HOUR_MS * 2 ** (times - 1)):
                continue
            said[identity] = (now_ms, times + 1)
            fresh.append(alert)
        return fresh, AlertHistory(said)

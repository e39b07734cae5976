"""Decides when a repeated alert is sent again, with growing pauses."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS
from crypto_assets.pipeline.alerting.webhook import Alert

_MAX_PAUSE_MS = DAY_MS
_FORGET_AFTER_MS = 2 * DAY_MS
# Every job of 400 symbols and more, in 66 KB: a sensor stores them with each of its ticks.
_MAX_FINGERPRINTS = 2000
_OVERFLOW = "all others"


@dataclass(frozen=True)
class AlertHistory:
    """When each alert was last sent and how often: (epoch ms, count) by fingerprint."""

    sent: dict[str, tuple[int, int]] = field(default_factory=dict)

    def select_due_alerts(self, alerts: Iterable[Alert], now_ms: int) -> tuple[list[Alert], Self]:
        """Return the alerts to send now, one per fingerprint, and the history after sending them.

        After the first time an alert pauses for an hour, then each time twice as long, a day at
        most. After two days without it, it counts as new. Beyond 2000 fingerprints new ones share
        one: dropping another whose pause is not over would send that alert at once.
        """
        sent = {
            key: record
            for key, record in self.sent.items()
            if now_ms - record[0] < _FORGET_AFTER_MS
        }
        due = []
        for alert in alerts:
            is_full = alert.fingerprint not in sent and len(sent) >= _MAX_FINGERPRINTS
            fingerprint = _OVERFLOW if is_full else alert.fingerprint
            last, count = sent.get(fingerprint, (0, 0))
            if count and now_ms - last < min(_MAX_PAUSE_MS, HOUR_MS * 2 ** (count - 1)):
                continue
            sent[fingerprint] = (now_ms, count + 1)
            due.append(alert)
        return due, replace(self, sent=sent)

"""Decides when an outage of the exchange is reported, and when its end is."""

from dataclasses import dataclass, replace
from typing import Any, Self

from crypto_assets.exchange import ExchangeOutage, ExchangeProbe
from crypto_assets.market.utc_time import MINUTE_MS
from crypto_assets.pipeline.alerting.webhook import Alert

# A short outage needs no attention.
_REPORTED_FAILURES = 3


@dataclass(frozen=True)
class ReportedOutage(ExchangeOutage):
    """An outage as the sensor's evaluations see it; `is_reported` is whether an alert was sent."""

    is_reported: bool = False

    @classmethod
    def from_cursor(cls, state: dict[str, Any] | None) -> Self:
        """Return the outage of a stored cursor; none of one of earlier versions."""
        return cls(**state) if state else cls()

    def evaluate_probe(self, probe: ExchangeProbe) -> tuple[Self, list[Alert]]:
        """Return the state after a probe, and the alert or the notice of the end if it is due."""
        after = self.record_probe(probe)
        if probe.failure is None:
            return after, self._list_notices(probe.local_now)
        if after.is_reported or after.failures < _REPORTED_FAILURES:
            return after, []
        return replace(after, is_reported=True), [
            Alert("The exchange does not respond", f"no new data is loaded: {probe.failure}")
        ]

    def _list_notices(self, now_ms: int) -> list[Alert]:
        if not self.is_reported:
            return []
        minutes = max(1, (now_ms - self.since) // MINUTE_MS)
        text = f"it did not respond for {minutes} min; missing data is loaded now"
        return [Alert("The exchange responds again", text, is_notice=True)]

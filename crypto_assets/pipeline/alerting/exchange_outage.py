"""Decides when an outage of the exchange is reported, and when its end is."""

from dataclasses import dataclass, replace
from typing import Any, Self

from crypto_assets.errors import ExchangeError, ExchangeUnavailable
from crypto_assets.market.utc_time import MINUTE_MS
from crypto_assets.pipeline.alerting.webhook import Alert
from crypto_assets.pipeline.context import PipelineContext

# How many evaluations in a row fail before an alert is sent.
_REPORTED_FAILURES = 3


@dataclass(frozen=True)
class ExchangeOutage:
    """The evaluations in a row for which the exchange did not respond.

    `since` is when the first of them failed, epoch ms. `is_reported` is whether an alert was sent.
    """

    failures: int = 0
    since: int = 0
    is_reported: bool = False

    @classmethod
    def from_cursor(cls, state: dict[str, Any] | None) -> Self:
        """Return the outage of a stored cursor; none of one of earlier versions."""
        return cls(**state) if state else cls()

    def record_failure(self, error: str, now_ms: int) -> tuple[Self, list[Alert]]:
        """Return the state after an evaluation without a response, and the alert if it is due."""
        failed = replace(self, failures=self.failures + 1, since=self.since or now_ms)
        if failed.is_reported or failed.failures < _REPORTED_FAILURES:
            return failed, []
        return replace(failed, is_reported=True), [
            Alert("The exchange does not respond", f"no new data is loaded: {error}")
        ]

    def record_response(self, now_ms: int) -> tuple[Self, list[Alert]]:
        """Return the state after a response, and the notice if the outage was reported."""
        if not self.is_reported:
            return type(self)(), []
        minutes = max(1, (now_ms - self.since) // MINUTE_MS)
        text = f"it did not respond for {minutes} min; missing data is loaded now"
        return type(self)(), [Alert("The exchange responds again", text, is_notice=True)]


def check_exchange(
    context: PipelineContext, outage: ExchangeOutage, now_ms: int
) -> tuple[ExchangeOutage, list[Alert]]:
    """Request the exchange's time; return the new state and the alerts that are due.

    An exchange that refuses requests responds: its errors are those of the runs.
    """
    try:
        context.exchange_now()
    except ExchangeUnavailable as error:
        return outage.record_failure(str(error), now_ms)
    except ExchangeError:
        pass
    return outage.record_response(now_ms)

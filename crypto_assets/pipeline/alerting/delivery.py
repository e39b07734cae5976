"""Delivers alerts to each target once, however often others refuse them."""

import math
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from crypto_assets.errors import AlertNotSent
from crypto_assets.market.utc_time import DAY_MS
from crypto_assets.pipeline.alerting.targets import AlertTarget
from crypto_assets.pipeline.alerting.webhook import Alert

# After which further messages wait for the next evaluation: Dagster ends one after a minute.
DELIVERY_SECONDS = 15.0
_GIVE_UP_AFTER_MS = DAY_MS
# Of the reason of an alert: a webhook shows no more.
_MAX_STORED_TEXT = 1_000


@dataclass(frozen=True)
class UnsentAlert:
    """An alert, when it was due (epoch ms), and the names of the targets that have not got it."""

    alert: Alert
    since: int
    missing: frozenset[str]

    @classmethod
    def to_targets(
        cls,
        alert: Alert,
        targets: Sequence[AlertTarget],
        since: int,
        received: Collection[str] = (),
    ) -> Self:
        """Return an alert for all targets but those that have `received` it."""
        return cls(alert, since, frozenset(target.name for target in targets).difference(received))

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        return cls(Alert(**state["alert"]), state["since"], frozenset(state["missing"]))

    def to_json(self) -> dict[str, Any]:
        return {
            "alert": asdict(replace(self.alert, error=self.alert.error[:_MAX_STORED_TEXT])),
            "since": self.since,
            "missing": sorted(self.missing),
        }

    def is_given_up(self, now: int) -> bool:
        """Whether attempts have ended: the alert is a day old."""
        return now - self.since >= _GIVE_UP_AFTER_MS


@dataclass(frozen=True)
class Delivery:
    """What attempts have left: alerts that not all targets have, and why."""

    unsent: tuple[UnsentAlert, ...]
    failures: tuple[str, ...]


def deliver_alerts(
    targets: Sequence[AlertTarget], alerts: Sequence[UnsentAlert], deadline: float = math.inf
) -> Delivery:
    """Send alerts to the targets that miss them, in order; a target that fails gets no further one.

    After `deadline`, on the monotonic clock, each target gets one message at most. Those that miss
    old alerts come last: they may not respond. Targets that no longer exist miss nothing.
    """
    missing = {target.name: _list_missing(target, alerts) for target in targets}
    failures = []
    for target in sorted(targets, key=lambda one: _find_oldest(one, alerts), reverse=True):
        waiting, is_first = missing[target.name], True
        while waiting and (is_first or time.monotonic() < deadline):
            is_first, count = False, min(len(waiting), target.max_alerts)
            try:
                target.send_alerts([alerts[index].alert for index in waiting[:count]])
            except AlertNotSent as error:
                failures.append(str(error))
                break
            del waiting[:count]
    left = [
        replace(item, missing=frozenset(name for name, waiting in missing.items() if n in waiting))
        for n, item in enumerate(alerts)
    ]
    return Delivery(tuple(item for item in left if item.missing), tuple(failures))


def _find_oldest(target: AlertTarget, alerts: Sequence[UnsentAlert]) -> float:
    """Return when the oldest alert was due that a target misses; infinite if it misses none."""
    return min((item.since for item in alerts if target.name in item.missing), default=math.inf)


def _list_missing(target: AlertTarget, alerts: Sequence[UnsentAlert]) -> list[int]:
    return [n for n, item in enumerate(alerts) if target.name in item.missing]

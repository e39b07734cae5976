"""Delivers alerts to each target once, however often others refuse them."""

import math
import random
import time
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from crypto_assets.errors import AlertNotSent, AlertRejected
from crypto_assets.market.utc_time import DAY_MS
from crypto_assets.pipeline.alerting.targets import AlertTarget
from crypto_assets.pipeline.alerting.webhook import Alert

# After which further messages wait for the next evaluation: Dagster ends one after a minute.
DELIVERY_SECONDS = 15.0
_GIVE_UP_AFTER_MS = DAY_MS
# A target that rejects so many alerts, and accepts none, gets no further one until the next time.
_MAX_REJECTIONS = 2
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
    """Send alerts to the targets that miss them, in order.

    A target that does not respond gets no further alert. One that rejects an alert gets the later
    ones meanwhile, unless it rejects the next one too. After `deadline`, on the monotonic clock,
    each target gets one message at most. Those that miss old alerts come last: they may not
    respond. Targets that no longer exist miss nothing.
    """
    missing = {target.name: _list_missing(target, alerts) for target in targets}
    failures: list[str] = []
    for target in sorted(targets, key=lambda one: _find_oldest(one, alerts), reverse=True):
        waiting = missing[target.name]
        missing[target.name], failed = _send_to_target(target, alerts, waiting, deadline)
        failures += failed
    left = [
        replace(item, missing=frozenset(name for name, waiting in missing.items() if n in waiting))
        for n, item in enumerate(alerts)
    ]
    return Delivery(tuple(item for item in left if item.missing), tuple(failures))


def _send_to_target(
    target: AlertTarget, alerts: Sequence[UnsentAlert], waiting: Sequence[int], deadline: float
) -> tuple[list[int], list[str]]:
    """Send the waiting alerts of a target; return those that it still misses, and the failures."""
    size, left, failures = target.max_alerts, list(waiting), dict[str, None]()
    batches = deque(list(waiting[n : n + size]) for n in range(0, len(waiting), size))
    is_first, accepts_any, rejections = True, False, 0
    while batches and (is_first or time.monotonic() < deadline):
        is_first, batch = False, batches.popleft()
        try:
            target.send_alerts([alerts[index].alert for index in batch])
        except AlertRejected as error:
            failures[str(error)] = None
            if len(batch) > 1:  # for one of its alerts, perhaps
                half = len(batch) // 2
                batches.extendleft((batch[half:], batch[:half]))
                continue
            rejections += 1
            if not accepts_any and rejections == _MAX_REJECTIONS:
                break
            if not accepts_any:
                _move_random_alert_to_front(batches)
        except AlertNotSent as error:
            failures[str(error)] = None
            break
        else:
            accepts_any = True
            left = [index for index in left if index not in batch]
    return left, list(failures)


def _move_random_alert_to_front(batches: deque[list[int]]) -> None:
    """Choose the alert that shows whether a target accepts any: two others may be rejected."""
    if batches:
        batch = random.choice(batches)  # noqa: S311 - no secret  # nosec B311
        batches.remove(batch)
        index = batch.pop(random.randrange(len(batch)))  # noqa: S311 - no secret  # nosec B311
        batches.extendleft([batch, [index]] if batch else [[index]])


def _find_oldest(target: AlertTarget, alerts: Sequence[UnsentAlert]) -> float:
    """Return when the oldest alert was due that a target misses; infinite if it misses none."""
    return min((item.since for item in alerts if target.name in item.missing), default=math.inf)


def _list_missing(target: AlertTarget, alerts: Sequence[UnsentAlert]) -> list[int]:
    return [n for n, item in enumerate(alerts) if target.name in item.missing]

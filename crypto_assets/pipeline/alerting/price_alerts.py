"""Evaluates price alerts on closed candles, and delivers those that fired."""

import time
from collections.abc import Callable, Sequence
from itertools import groupby

from crypto_assets.errors import CryptoAssetsError, UnknownTarget, WarehouseError
from crypto_assets.market.price_alerts import (
    ClosedValue,
    PriceAlertRule,
    evaluate_rule,
    format_value,
    is_condition_met,
)
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, format_utc, now_ms
from crypto_assets.pipeline.alerting.delivery import (
    DELIVERY_SECONDS,
    UnsentAlert,
    deliver_alerts,
)
from crypto_assets.pipeline.alerting.targets import AlertTarget
from crypto_assets.pipeline.alerting.webhook import Alert
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.price_alerts import EventKind, PriceAlertEvent, StoredRule

# Candles before the first one to evaluate: the value before it may lie across a gap.
_CANDLES_BEFORE = 10
# The exchange's archive may change a day until it is fetched again a week later.
_REVISABLE_MS = 8 * DAY_MS
_CHECK_PAUSE_MS = HOUR_MS
# A process that sends alerts to all targets takes less time.
_CLAIM_MS = 5 * MINUTE_MS
_RETRY_PAUSE_MS = MINUTE_MS
# After which further events are compared by the next evaluation: Dagster ends one after a minute.
_CHECK_SECONDS = 15.0

# Reads the values of a rule's column at the closed candles of a window, oldest first, at most the
# first thousand.
ReadValues = Callable[[PriceAlertRule, Window], Sequence[ClosedValue]]


def evaluate_price_alerts(warehouse: Warehouse, read_values: ReadValues) -> list[str]:
    """Evaluate the active rules on the candles that have closed since; return what fired.

    Each candle is evaluated once, in the order of open times, however often and in however many
    processes this runs. A candle that is stored after a later one was evaluated is not evaluated.
    Raises WarehouseError; a rule that fails for another reason keeps the reason, and the others go
    on.
    """
    rules = warehouse.price_alerts.list_rules(only_active=True)
    if not rules:
        return []
    newest = {
        name: mark.last_open_time
        for name, mark in warehouse.watermarks.get_all().items()
        if mark.last_open_time is not None
    }
    fired: list[str] = []
    for stored in rules:
        due = _find_due_window(stored, newest.get(stored.rule.symbol))
        if due:
            fired += _evaluate_stored_rule(warehouse, read_values, stored, due)
    return fired


def check_fired_alerts(warehouse: Warehouse, read_values: ReadValues) -> list[str]:
    """Compare events of the last eight days with the candles stored now, each once an hour.

    Returns the events that a revision has undone, and records them, so that they are delivered.
    Raises WarehouseError.
    """
    now, deadline = now_ms(), time.monotonic() + _CHECK_SECONDS
    events = warehouse.price_alerts.list_events_to_check(now - _REVISABLE_MS, now - _CHECK_PAUSE_MS)
    undone: list[str] = []
    for rule_id, group in groupby(sorted(events, key=_rule_id), key=_rule_id):
        if time.monotonic() > deadline:
            break
        rule_events = list(group)
        met = _find_met_candles(warehouse, read_values, rule_id, rule_events)
        for event in rule_events:
            is_undone = met is not None and event.open_time not in met
            warehouse.price_alerts.record_check(event, now, is_undone=is_undone)
            if is_undone:
                undone.append(f"{event.symbol}: {event.wording}")
    return undone


def deliver_price_alerts(
    warehouse: Warehouse, targets: Sequence[AlertTarget], build_link: Callable[[str], str]
) -> list[str]:
    """Send the events that not all targets have received; return the failures.

    Each target receives an event once. Only if the process is killed between sending and recording
    does the target receive it again, with the same id. Without targets, and after a day of failed
    attempts, an event is recorded as not sent. `build_link` returns the address of a symbol's
    chart. Raises WarehouseError.
    """
    failures: list[str] = []
    deadline = time.monotonic() + DELIVERY_SECONDS
    while time.monotonic() < deadline:
        now = now_ms()
        # One by one: a target that hangs must not outlast the claim of later events.
        claimed = warehouse.price_alerts.claim_unsent(now, now + _CLAIM_MS, limit=1)
        if not claimed:
            break
        for event in claimed:
            failures += _deliver_event(warehouse, targets, event, build_link(event.symbol))
    return failures


def _rule_id(event: PriceAlertEvent) -> str:
    return event.rule_id


def _find_due_window(stored: StoredRule, newest_minute: int | None) -> Window | None:
    """Return the window to read, which begins before the candles to evaluate; None if none is due.

    `newest_minute` is the open time of the symbol's newest stored minute.
    """
    if newest_minute is None:
        return None
    interval, evaluated = stored.rule.interval, stored.state.evaluated_open_time
    closed_until = interval.floor(newest_minute + MINUTE_MS)
    if closed_until - interval.ms <= evaluated:
        return None
    return Window(max(0, evaluated - _CANDLES_BEFORE * interval.ms), closed_until)


def _evaluate_stored_rule(
    warehouse: Warehouse, read_values: ReadValues, stored: StoredRule, window: Window
) -> list[str]:
    try:
        values = read_values(stored.rule, window)
    except WarehouseError:
        raise
    except CryptoAssetsError as error:
        if stored.failure != str(error):
            warehouse.price_alerts.record_failure(stored.rule_id, str(error))
        return []
    fired, state = evaluate_rule(stored.rule, stored.state, values)
    if not warehouse.price_alerts.record_evaluation(stored, state, fired, now_ms()):
        return []
    return [f"{stored.rule.symbol}: {stored.rule.condition}" for _ in fired]


def _find_met_candles(
    warehouse: Warehouse,
    read_values: ReadValues,
    rule_id: str,
    events: Sequence[PriceAlertEvent],
) -> set[int] | None:
    """Return the open times of events at which the condition is met, or cannot be known, now.

    None if nothing is known about the rule.
    """
    try:
        rule = warehouse.price_alerts.get_rule(rule_id).rule
    except UnknownTarget:
        return None
    met: set[int] = set()
    for event in events:
        start = max(0, event.open_time - _CANDLES_BEFORE * rule.interval.ms)
        try:
            values = read_values(rule, Window(start, event.open_time + 1))
        except WarehouseError:
            raise
        except CryptoAssetsError:
            return None
        # Expired candles are no revision.
        if is_condition_met(rule, values, event.open_time) is not False:
            met.add(event.open_time)
    return met


def _deliver_event(
    warehouse: Warehouse, targets: Sequence[AlertTarget], event: PriceAlertEvent, link: str
) -> list[str]:
    received, failures = set(event.sent_to), list[str]()
    unsent = UnsentAlert.to_targets(
        build_price_alert(event, link), targets, event.fired_at, received
    )
    for target in targets:
        # One by one, so that a target whose turn was recorded does not get the event again.
        delivery = deliver_alerts([target], [unsent])
        failures += delivery.failures
        if target.name in unsent.missing and not delivery.unsent:
            received.add(target.name)
            warehouse.price_alerts.record_delivery(
                event, received, sent_at=None, retry_at=now_ms() + _CLAIM_MS
            )
    now = now_ms()
    has_ended = not failures or unsent.is_given_up(now)
    failure = "; ".join(failures) if targets else "no target of alerts is configured"
    warehouse.price_alerts.record_delivery(
        event,
        received,
        sent_at=now if has_ended else None,
        failure=failure or None,
        retry_at=now + _RETRY_PAUSE_MS,
    )
    return failures


def build_price_alert(event: PriceAlertEvent, link: str) -> Alert:
    """Build the message of an event, with the id by which a receiver finds repetitions."""
    closed = f"candle closed at {format_utc(event.close_time + 1)}"
    if event.kind is EventKind.UNDONE:
        details = f"a revision of the exchange changed the {closed}: the condition is not met"
        subject = f"Undone: {event.symbol} {event.wording}"
    else:
        value = "" if event.value is None else f", value {format_value(event.value)}"
        details, subject = f"{closed}{value}", f"{event.symbol} {event.wording}"
    return Alert(
        subject,
        f"{details} (alert {event.event_id})",
        symbol=event.symbol,
        link=link,
        is_notice=True,
    )

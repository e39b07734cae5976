"""The rules of price alerts, how far each is evaluated, and the log of those that fired."""

import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from crypto_assets.errors import UnknownTarget, WrongUse
from crypto_assets.market.intervals import Interval
from crypto_assets.market.price_alerts import ClosedValue, Comparison, PriceAlertRule, RuleState
from crypto_assets.market.utc_time import now_ms
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import price_alert_events, price_alert_rules

MAX_RULES = 500
_rules, _events = price_alert_rules, price_alert_events
_TEXT_WIDTH = 500
_MAX_PARAMS_WIDTH = 1000
_MAX_EVENTS = 10_000


class EventKind(StrEnum):
    """Whether a rule fired at a candle, or a revision of the candle has undone that."""

    FIRED = "fired"
    UNDONE = "undone"


@dataclass(frozen=True)
class StoredRule:
    """A rule with its state; `failure` is why it cannot be evaluated, None if it can.

    `created_at` is in epoch ms.
    """

    rule_id: str
    rule: PriceAlertRule
    state: RuleState
    created_by: str
    created_at: int
    failure: str | None = None


@dataclass(frozen=True)
class PriceAlertEvent:
    """An entry of the log: a rule that fired at a candle, or that a revision has undone.

    `wording` is the condition, which outlives the rule. `sent_to` names the targets that have
    received the event; `sent_at` is set once all have, or once the attempts have ended with
    `failure`. Times are in epoch ms.
    """

    rule_id: str
    symbol: str
    open_time: int
    close_time: int
    kind: EventKind
    wording: str
    value: float | None
    fired_at: int
    sent_to: tuple[str, ...] = ()
    sent_at: int | None = None
    failure: str | None = None

    @property
    def event_id(self) -> str:
        """The same text for each delivery of this event, by which a receiver finds repetitions."""
        return f"{self.rule_id}-{self.open_time}-{self.kind}"


class PriceAlerts:
    """The rules and their log, on the primary: what has fired must not depend on a replica."""

    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def add_rule(self, rule: PriceAlertRule, evaluated_open_time: int, who: str) -> StoredRule:
        """Store a rule that is evaluated after the candle that opens at `evaluated_open_time`.

        Raises UnknownSymbol, and WrongUse if there are 500 rules.
        """
        symbol_id, rule_id, created_at = self._symbols.get_id(rule.symbol), _new_id(), now_ms()
        params = json.dumps(dict(rule.params), sort_keys=True)
        if len(params) > _MAX_PARAMS_WIDTH:
            raise WrongUse("the parameters of the indicator are too long for a price alert")
        row = {
            "rule_id": rule_id,
            "symbol_id": symbol_id,
            "period": rule.interval.value,
            "indicator": rule.indicator,
            "value_column": rule.column,
            "params": params,
            "comparison": rule.comparison.value,
            "level": f"{rule.level:f}",
            "repeats": int(rule.repeats),
            "created_by": who[:200],
            "created_at": created_at,
            "evaluated_open_time": evaluated_open_time,
            "armed": 1,
            "active": 1,
        }

        def work(connection: Connection) -> None:
            known = connection.execute(select(_rules.c.rule_id)).scalars().all()
            if rule_id in known:
                return
            if len(known) >= MAX_RULES:
                raise WrongUse(f"there are {MAX_RULES} price alerts: delete one before adding one")
            connection.execute(insert(_rules), row)

        self._database.run_exclusive_write("price_alerts", work)
        return StoredRule(rule_id, rule, RuleState(evaluated_open_time), who[:200], created_at)

    def delete_rule(self, rule_id: str) -> None:
        """Delete a rule; its events stay in the log. Raises UnknownTarget."""
        self.get_rule(rule_id)
        self._database.run_write(
            lambda c: c.execute(delete(_rules).where(_rules.c.rule_id == rule_id))
        )

    def restart_rule(self, rule_id: str, evaluated_open_time: int) -> None:
        """Arm a rule again, from the candle after `evaluated_open_time`. Raises UnknownTarget."""
        self.get_rule(rule_id)
        values = {
            "evaluated_open_time": evaluated_open_time,
            "armed": 1,
            "active": 1,
            "failure": None,
        }
        self._database.run_write(
            lambda c: c.execute(update(_rules).where(_rules.c.rule_id == rule_id).values(values))
        )

    def get_rule(self, rule_id: str) -> StoredRule:
        """Return a rule. Raises UnknownTarget if there is none with this id."""
        for stored in self.list_rules():
            if stored.rule_id == rule_id:
                return stored
        raise UnknownTarget(f"there is no price alert {rule_id!r}")

    def list_rules(self, *, only_active: bool = False) -> list[StoredRule]:
        """List the rules, oldest first."""
        statement = select(_rules).order_by(_rules.c.created_at, _rules.c.rule_id)
        if only_active:
            statement = statement.where(_rules.c.active == 1)
        rows = self._database.run_primary_read(lambda c: c.execute(statement).all())
        names = self._read_names(rows)
        return [_parse_rule(names[row.symbol_id], row) for row in rows]

    def record_evaluation(
        self, stored: StoredRule, state: RuleState, fired: Sequence[ClosedValue], fired_at: int
    ) -> bool:
        """Store the events and the new state of a rule in one transaction.

        Returns False and stores nothing if another process has evaluated the rule since `stored`
        was read, or has deleted it.
        """
        if state == stored.state and not fired and stored.failure is None:
            return True
        symbol_id = self._symbols.get_id(stored.rule.symbol)
        rows = [
            _make_event_row(stored, symbol_id, candle, EventKind.FIRED, fired_at)
            for candle in fired
        ]

        def work(connection: Connection) -> bool:
            if not _advance_state(connection, stored, state):
                return False
            if rows:
                connection.execute(insert(_events), rows)
                _delete_oldest_events(connection)
            return True

        return self._database.run_exclusive_write("price_alerts", work)

    def record_failure(self, rule_id: str, failure: str) -> None:
        """Record why a rule cannot be evaluated."""
        values = {"failure": failure[:_TEXT_WIDTH]}
        self._database.run_write(
            lambda c: c.execute(update(_rules).where(_rules.c.rule_id == rule_id).values(values))
        )

    def list_events(self, limit: int = 100) -> list[PriceAlertEvent]:
        """List the log, latest first; it keeps the last 10,000 events."""
        order = (_events.c.fired_at.desc(), _events.c.open_time.desc(), _events.c.rule_id)
        return self._read_events(select(_events).order_by(*order).limit(limit))

    def list_events_to_check(self, fired_after: int, checked_before: int) -> list[PriceAlertEvent]:
        """List fired events since an instant that are not undone and were not checked recently."""
        same_candle = _events.alias("undone")
        is_undone = (
            select(same_candle.c.rule_id)
            .where(
                same_candle.c.rule_id == _events.c.rule_id,
                same_candle.c.open_time == _events.c.open_time,
                same_candle.c.kind == EventKind.UNDONE.value,
            )
            .exists()
        )
        return self._read_events(
            select(_events)
            .where(
                _events.c.fired_at >= fired_after,
                _events.c.kind == EventKind.FIRED.value,
                _events.c.checked_at < checked_before,
                ~is_undone,
            )
            .order_by(_events.c.fired_at)
            .limit(_MAX_EVENTS)
        )

    def record_check(self, event: PriceAlertEvent, checked_at: int, *, is_undone: bool) -> None:
        """Record that an event was compared with the stored candles, and whether it is undone."""
        undone = {
            **_find_event(event),
            "kind": EventKind.UNDONE.value,
            "symbol_id": self._symbols.get_id(event.symbol),
            "close_time": event.close_time,
            "wording": event.wording,
            "value": None,
            "fired_at": checked_at,
            "checked_at": checked_at,
            "claimed_until": 0,
            "sent_to": "",
        }

        def work(connection: Connection) -> None:
            same_candle = _find_event(event)
            fired = update(_events).filter_by(**same_candle, kind=EventKind.FIRED.value)
            connection.execute(fired.values(checked_at=checked_at))
            kinds = connection.execute(select(_events.c.kind).filter_by(**same_candle)).scalars()
            if is_undone and EventKind.UNDONE.value not in set(kinds):
                connection.execute(insert(_events), undone)

        self._database.run_exclusive_write("price_alerts", work)

    def claim_unsent(self, now: int, claimed_until: int, limit: int = 50) -> list[PriceAlertEvent]:
        """Return events that are not sent yet, oldest first, and reserve them for this process.

        Until `claimed_until` (epoch ms) no other process gets them. After that they are returned
        again unless `record_delivery` has marked them as sent: the process may have been killed.
        """

        def work(connection: Connection) -> list[Any]:
            rows = connection.execute(
                select(_events)
                .where(_events.c.sent_at.is_(None), _events.c.claimed_until <= now)
                .order_by(_events.c.fired_at, _events.c.open_time, _events.c.rule_id)
                .limit(limit)
            ).all()
            for row in rows:
                connection.execute(
                    update(_events)
                    .filter_by(rule_id=row.rule_id, open_time=row.open_time, kind=row.kind)
                    .values(claimed_until=claimed_until)
                )
            return list(rows)

        rows = self._database.run_exclusive_write("price_alerts", work)
        names = self._read_names(rows)
        return [_parse_event(names[row.symbol_id], row) for row in rows]

    def record_delivery(
        self,
        event: PriceAlertEvent,
        sent_to: Collection[str],
        *,
        sent_at: int | None,
        failure: str | None = None,
        retry_at: int = 0,
    ) -> None:
        """Record which targets have an event; without `sent_at` it is tried again at `retry_at`."""
        values = {
            "sent_to": ",".join(sorted(sent_to))[:_TEXT_WIDTH],
            "sent_at": sent_at,
            "failure": failure and failure[:_TEXT_WIDTH],
            "claimed_until": retry_at,
        }
        which = {**_find_event(event), "kind": event.kind.value}
        self._database.run_write(
            lambda c: c.execute(update(_events).filter_by(**which).values(values))
        )

    def _read_events(self, statement: Any) -> list[PriceAlertEvent]:
        rows = self._database.run_primary_read(lambda c: c.execute(statement).all())
        names = self._read_names(rows)
        return [_parse_event(names[row.symbol_id], row) for row in rows]

    def _read_names(self, rows: Sequence[Any]) -> dict[int, str]:
        if not rows:
            return {}
        return {symbol.symbol_id: symbol.name for symbol in self._symbols.list_all()}


def _new_id() -> str:
    return uuid.uuid4().hex[:12]


def _advance_state(connection: Connection, stored: StoredRule, state: RuleState) -> bool:
    """Store the new state if the stored one is still the state that was evaluated."""
    before = stored.state
    current = connection.execute(
        select(_rules.c.evaluated_open_time, _rules.c.armed, _rules.c.active)
        .where(_rules.c.rule_id == stored.rule_id)
        .with_for_update()
    ).first()
    expected = (before.evaluated_open_time, int(before.is_armed), int(before.is_active))
    if current is None or tuple(current) != expected:
        return False
    connection.execute(
        update(_rules)
        .where(_rules.c.rule_id == stored.rule_id)
        .values(
            evaluated_open_time=state.evaluated_open_time,
            armed=int(state.is_armed),
            active=int(state.is_active),
            failure=None,
        )
    )
    return True


def _make_event_row(
    stored: StoredRule, symbol_id: int, candle: ClosedValue, kind: EventKind, fired_at: int
) -> dict[str, Any]:
    return {
        "rule_id": stored.rule_id,
        "symbol_id": symbol_id,
        "open_time": candle.open_time,
        "close_time": candle.close_time,
        "kind": kind.value,
        "wording": stored.rule.condition[:_TEXT_WIDTH],
        "value": candle.value,
        "fired_at": fired_at,
        "checked_at": fired_at,
        "claimed_until": 0,
        "sent_to": "",
    }


def _delete_oldest_events(connection: Connection) -> None:
    oldest_kept = connection.execute(
        select(_events.c.fired_at).order_by(_events.c.fired_at.desc()).offset(_MAX_EVENTS).limit(1)
    ).scalar()
    if oldest_kept is not None:
        connection.execute(delete(_events).where(_events.c.fired_at <= oldest_kept))


def _find_event(event: PriceAlertEvent) -> dict[str, Any]:
    return {"rule_id": event.rule_id, "open_time": event.open_time}


def _parse_rule(symbol: str, row: Row[Any]) -> StoredRule:
    rule = PriceAlertRule(
        symbol=symbol,
        interval=Interval(row.period),
        comparison=Comparison(row.comparison),
        level=Decimal(row.level),
        indicator=row.indicator,
        column=row.value_column,
        params=json.loads(row.params),
        repeats=bool(row.repeats),
    )
    state = RuleState(row.evaluated_open_time, bool(row.armed), bool(row.active))
    return StoredRule(row.rule_id, rule, state, row.created_by, row.created_at, row.failure)


def _parse_event(symbol: str, row: Row[Any]) -> PriceAlertEvent:
    return PriceAlertEvent(
        rule_id=row.rule_id,
        symbol=symbol,
        open_time=row.open_time,
        close_time=row.close_time,
        kind=EventKind(row.kind),
        wording=row.wording,
        value=row.value,
        fired_at=row.fired_at,
        sent_to=tuple(filter(None, row.sent_to.split(","))),
        sent_at=row.sent_at,
        failure=row.failure,
    )

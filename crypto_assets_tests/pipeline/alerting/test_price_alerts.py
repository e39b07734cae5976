"""Price alerts: each fires once at the right candle, whatever is killed, repeated or revised."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import talib

from crypto_assets.errors import AlertNotSent, UnknownSymbol, UnknownTarget, WrongUse
from crypto_assets.market.intervals import Interval
from crypto_assets.market.price_alerts import ClosedValue, Comparison, PriceAlertRule
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from crypto_assets.pipeline.alerting.price_alerts import (
    check_fired_alerts,
    deliver_price_alerts,
    evaluate_price_alerts,
)
from crypto_assets.pipeline.alerting.webhook import Alert
from crypto_assets.pipeline.control.price_alerts import (
    add_price_alert,
    delete_price_alert,
    parse_level,
    restart_price_alert,
)
from crypto_assets.reports.rule_values import read_rule_values
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.price_alerts import EventKind
from crypto_assets.warehouse.engine.database import Database
from crypto_assets_tests.reports.stock import describe, generated, load
from crypto_assets_tests.warehouse.minutes import batch

# Thursday 2025-03-06 00:00 UTC.
START = 1_741_219_200_000
TICK_MS = 3 * HOUR_MS
HISTORY = Window(START - 2 * DAY_MS, START)


@dataclass
class Receiver:
    """A target that keeps what it receives, and fails while `failures` is above 0."""

    name: str = "receiver"
    failures: int = 0
    received: list[Alert] = field(default_factory=list)
    max_alerts: int = 1

    def send_alerts(self, alerts: Sequence[Alert]) -> None:
        if self.failures:
            self.failures -= 1
            raise AlertNotSent(f"{self.name} does not respond")
        self.received += alerts

    @property
    def ids(self) -> list[str]:
        return [alert.error.rpartition("(alert ")[2].rstrip(")") for alert in self.received]


@pytest.fixture
def stocked(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """Two days of BTCUSDT before START, at which the clock is set."""
    set_clock(monkeypatch, START)
    warehouse.symbols.register_symbols([describe("BTCUSDT")])
    load(warehouse, "BTCUSDT", generated("BTCUSDT", HISTORY))
    return warehouse


def set_clock(monkeypatch: pytest.MonkeyPatch, now: int) -> None:
    for module in ("pipeline.alerting", "pipeline.control"):
        monkeypatch.setattr(f"crypto_assets.{module}.price_alerts.now_ms", lambda: now)


def make_rule(comparison: Comparison, level: object, **changes: Any) -> PriceAlertRule:
    rule = {"symbol": "BTCUSDT", "interval": Interval.M1, **changes}
    return PriceAlertRule(comparison=comparison, level=Decimal(str(level)), **rule)


def reader(warehouse: Warehouse) -> Callable[[PriceAlertRule, Window], list[ClosedValue]]:
    return lambda rule, window: read_rule_values(warehouse, rule, window)


def build_link(symbol: str) -> str:
    return f"http://app/analytics?symbol={symbol}"


def make_minutes(closes: Sequence[float], start: int = START) -> pa.Table:
    """Make minutes of BTCUSDT with these closes."""
    table = generated("BTCUSDT", Window(start, start + len(closes) * MINUTE_MS))
    prices = pa.array([Decimal(str(close)) for close in closes], table["close"].type)
    for name in ("open", "high", "low", "close"):
        table = table.set_column(table.column_names.index(name), name, prices)
    return table


def load_version(warehouse: Warehouse, closes: Sequence[float], fetched_at: int = START) -> None:
    """Load minutes as a fetch at an instant."""
    item, table = batch(make_minutes(closes), fetched_at=fetched_at)
    item = replace(item, key=f"{item.key}-{fetched_at}")
    warehouse.lake_objects.record_objects([item])
    warehouse.facts.load_objects("BTCUSDT", [(item, table)])


def test_an_alert_fires_once_with_its_value_and_link(stocked: Warehouse) -> None:
    stored = add_price_alert(stocked, make_rule(Comparison.CROSSES_ABOVE, "75000"), "tester")
    load_version(stocked, [74_000, 75_000.5, 76_000])
    assert evaluate_price_alerts(stocked, reader(stocked)) == [
        "BTCUSDT: close of 1m crosses above 75,000"
    ]
    assert evaluate_price_alerts(stocked, reader(stocked)) == []
    receiver = Receiver()
    for _ in range(2):
        assert deliver_price_alerts(stocked, [receiver], build_link) == []
    (alert,) = receiver.received
    assert alert == Alert(
        "BTCUSDT close of 1m crosses above 75,000",
        "candle closed at 2025-03-06T00:02:00Z, value 75,000.5 "
        f"(alert {stored.rule_id}-{START + MINUTE_MS}-fired)",
        symbol="BTCUSDT",
        link="http://app/analytics?symbol=BTCUSDT",
        is_notice=True,
    )
    (event,) = stocked.price_alerts.list_events()
    assert (event.sent_to, event.sent_at, event.failure) == (("receiver",), START, None)


def test_candles_before_the_rule_and_forming_ones_do_not_fire(stocked: Warehouse) -> None:
    load_version(stocked, [70_000, 80_000])  # loaded late, before the rule
    add_price_alert(stocked, make_rule(Comparison.ABOVE, 1, interval=Interval.H1), "tester")
    evaluate_price_alerts(stocked, reader(stocked))
    assert stocked.price_alerts.list_events() == [], "the hour is still forming"


@pytest.mark.parametrize("repeats", [True, False])
def test_a_rule_fires_again_only_if_it_repeats(stocked: Warehouse, repeats: bool) -> None:
    rule = make_rule(Comparison.CROSSES_BELOW, 100, repeats=repeats)
    stored = add_price_alert(stocked, rule, "tester")
    load_version(stocked, [101, 99, 101, 99])
    evaluate_price_alerts(stocked, reader(stocked))
    assert len(stocked.price_alerts.list_events()) == (2 if repeats else 1)
    assert stocked.price_alerts.get_rule(stored.rule_id).state.is_active == repeats


def test_a_rule_that_has_ended_can_be_armed_again(
    stocked: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = make_rule(Comparison.ABOVE, 100, repeats=False)
    stored = add_price_alert(stocked, rule, "tester")
    load_version(stocked, [101])
    evaluate_price_alerts(stocked, reader(stocked))
    set_clock(monkeypatch, START + 2 * MINUTE_MS)
    restart_price_alert(stocked, stored.rule_id, "tester")
    load_version(stocked, [101, 102, 103], fetched_at=START + 1)
    evaluate_price_alerts(stocked, reader(stocked))
    opened = [event.open_time for event in stocked.price_alerts.list_events()]
    assert opened == [START + 2 * MINUTE_MS, START]


def test_a_revision_that_undoes_an_alert_is_reported_once(
    stocked: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_price_alert(stocked, make_rule(Comparison.ABOVE, 100), "tester")
    load_version(stocked, [99, 101, 99, 102])
    evaluate_price_alerts(stocked, reader(stocked))
    receiver = Receiver()
    deliver_price_alerts(stocked, [receiver], build_link)
    load_version(stocked, [99, 98, 99, 103], fetched_at=START + 1)
    for hours in (0, 2, 4):
        set_clock(monkeypatch, START + hours * HOUR_MS)
        check_fired_alerts(stocked, reader(stocked))
        deliver_price_alerts(stocked, [receiver], build_link)
    undone = [event for event in stocked.price_alerts.list_events() if event.kind == "undone"]
    assert [event.open_time for event in undone] == [START + MINUTE_MS]
    assert [alert.subject for alert in receiver.received[2:]] == [
        "Undone: BTCUSDT close of 1m above 100"
    ]


def test_each_target_receives_an_event_once_though_another_fails(
    stocked: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_price_alert(stocked, make_rule(Comparison.ABOVE, 100), "tester")
    load_version(stocked, [101])
    evaluate_price_alerts(stocked, reader(stocked))
    works, fails = Receiver("works"), Receiver("fails", failures=1)
    assert deliver_price_alerts(stocked, [fails, works], build_link) == ["fails does not respond"]
    (event,) = stocked.price_alerts.list_events()
    assert (event.sent_at, event.failure) == (None, "fails does not respond")
    assert deliver_price_alerts(stocked, [fails, works], build_link) == [], "it waits a minute"
    set_clock(monkeypatch, START + MINUTE_MS)
    deliver_price_alerts(stocked, [fails, works], build_link)
    assert (len(works.received), len(fails.received)) == (1, 1)
    (event,) = stocked.price_alerts.list_events()
    assert event.sent_to == ("fails", "works")
    assert (event.sent_at, event.failure) == (START + MINUTE_MS, None)


def test_attempts_end_after_a_day(stocked: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    add_price_alert(stocked, make_rule(Comparison.ABOVE, 100), "tester")
    load_version(stocked, [101])
    evaluate_price_alerts(stocked, reader(stocked))
    set_clock(monkeypatch, START + DAY_MS)
    deliver_price_alerts(stocked, [Receiver(failures=9)], build_link)
    (event,) = stocked.price_alerts.list_events()
    assert event.sent_at == START + DAY_MS and event.failure == "receiver does not respond"


def test_without_a_target_the_log_says_so(stocked: Warehouse) -> None:
    add_price_alert(stocked, make_rule(Comparison.ABOVE, 100), "tester")
    load_version(stocked, [101])
    evaluate_price_alerts(stocked, reader(stocked))
    deliver_price_alerts(stocked, [], build_link)
    (event,) = stocked.price_alerts.list_events()
    assert event.failure == "no target of alerts is configured"


def test_a_rule_that_cannot_be_evaluated_says_why_and_stops_no_other(
    stocked: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = add_price_alert(
        stocked, make_rule(Comparison.BELOW, 30, indicator="rsi", column="rsi"), "tester"
    )
    add_price_alert(stocked, make_rule(Comparison.ABOVE, 100), "tester")
    load_version(stocked, [101])

    def read_values(rule: PriceAlertRule, window: Window) -> list[ClosedValue]:
        if rule.indicator == "rsi":
            raise WrongUse("no provider 'rsi'")
        return read_rule_values(stocked, rule, window)

    assert len(evaluate_price_alerts(stocked, read_values)) == 1
    assert stocked.price_alerts.get_rule(broken.rule_id).failure == "no provider 'rsi'"
    evaluate_price_alerts(stocked, reader(stocked))
    assert stocked.price_alerts.get_rule(broken.rule_id).failure is None


def test_changes_are_in_the_change_log(stocked: Warehouse) -> None:
    rule = make_rule(Comparison.BELOW, 30, indicator="rsi", column="rsi", interval=Interval.H4)
    stored = add_price_alert(stocked, rule, "tester")
    delete_price_alert(stocked, stored.rule_id, "tester")
    changes = [(c.who, c.name, c.old, c.new) for c in stocked.app_settings.list_changes()]
    described = "BTCUSDT rsi (period 14) of 4h below 30"
    assert changes == [
        ("tester", f"price alert {stored.rule_id}", described, None),
        ("tester", f"price alert {stored.rule_id}", None, described),
    ]
    assert stocked.price_alerts.list_rules() == []


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"symbol": "NOSUCH"}, UnknownSymbol, "NOSUCH"),
        ({"indicator": "nosuch"}, WrongUse, "no indicator 'nosuch'; available: close, "),
        ({"indicator": "macd"}, WrongUse, "macd has no column 'close'; available: macd"),
        ({"params": {"period": 3}}, WrongUse, "the close has no parameters"),
        (
            {"indicator": "rsi", "column": "rsi", "params": {"period": 1}},
            WrongUse,
            "rsi: period must be 2 to 100, not 1",
        ),
    ],
)
def test_wrong_rules_are_refused(
    stocked: Warehouse, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        add_price_alert(stocked, make_rule(Comparison.ABOVE, 1, **changes), "tester")
    with pytest.raises(UnknownTarget, match="no price alert 'nosuch'"):
        delete_price_alert(stocked, "nosuch", "tester")


@pytest.mark.parametrize("text", ["", "many", "NaN", "1e400", "1" * 31])
def test_levels_that_are_no_numbers_are_refused(text: str) -> None:
    with pytest.raises(WrongUse, match="the level"):
        parse_level(text)
    assert parse_level(" 75,000.5 ") == Decimal("75000.5")


class Killed(BaseException):
    """What ends a process at once."""


class Killer:
    """Kills before or after the n-th transaction; the next process goes on without it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._left = 0
        for name in ("run_write", "run_exclusive_write", "run_primary_read", "run_read"):
            monkeypatch.setattr(Database, name, self._wrap(getattr(Database, name)))

    def arm(self, step: int) -> None:
        """Kill at the step; each transaction has two, its beginning and its end. 0: never."""
        self._left = step

    def _wrap(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            self._count()
            result = method(*args)
            self._count()
            return result

        return run

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Killed


def iter_day_rules(closes: "pd.Series[float]") -> Iterator[PriceAlertRule]:
    """Yield thirty rules whose levels the day's closes cross."""
    levels = np.quantile(closes, [0.2, 0.5, 0.8])
    for interval in (Interval.M5, Interval.M15, Interval.H1):
        for level, comparison in zip(levels, list(Comparison)[:3], strict=True):
            yield make_rule(comparison, round(float(level), 2), interval=interval)
        for comparison in Comparison:
            yield make_rule(comparison, 50, indicator="rsi", column="rsi", interval=interval)
        for period in (5, 20, 30):
            yield make_rule(
                Comparison.CROSSES_ABOVE,
                round(float(levels[1]), 2),
                indicator="sma",
                column="sma",
                params={"period": period},
                interval=interval,
            )


def find_expected_candles(rule: PriceAlertRule, minutes: "pd.Series[float]") -> list[int]:
    """Compute from all minutes at once, with pandas and TA-Lib, at which candles a rule fires."""
    values = minutes.resample(rule.interval.replace("m", "min")).last()
    if rule.indicator == "rsi":
        values = talib.RSI(values, 14)
    elif rule.indicator == "sma":
        values = values.rolling(int(str(rule.params["period"]))).mean()
    level, before = float(rule.level), values.shift()
    is_met = {
        Comparison.ABOVE: values > level,
        Comparison.BELOW: values < level,
        Comparison.CROSSES_ABOVE: (before <= level) & (values > level),
        Comparison.CROSSES_BELOW: (before >= level) & (values < level),
    }[rule.comparison]
    day = is_met[is_met.index >= pd.Timestamp(START, unit="ms")]
    starts = day & ~day.shift(fill_value=False)
    return [int(time.timestamp() * 1000) for time in day.index[starts]]


@pytest.mark.slow
def test_a_day_of_ticks_killed_at_every_step_fires_each_alert_once(
    stocked: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = generated("BTCUSDT", Window(START, START + DAY_MS))
    everything = pa.concat_tables([generated("BTCUSDT", HISTORY), day])
    closes = pd.Series(
        everything["close"].cast(pa.float64()).to_numpy(),
        index=pd.to_datetime(everything["open_time"].to_numpy(), unit="ms"),
    )
    rules = [add_price_alert(stocked, rule, "tester") for rule in iter_day_rules(closes)]
    assert len(rules) == 30
    receiver, killer, kills = Receiver(), Killer(monkeypatch), 0
    for end in range(START + TICK_MS, START + DAY_MS + 1, TICK_MS):
        is_due = pc.and_(
            pc.greater_equal(day["open_time"], end - TICK_MS), pc.less(day["open_time"], end)
        )
        load(stocked, "BTCUSDT", day.filter(is_due))
        for step in count(1):
            # A killed process leaves its claims, which end after five minutes.
            set_clock(monkeypatch, end + step * 6 * MINUTE_MS)
            killer.arm(step)
            try:
                evaluate_price_alerts(stocked, reader(stocked))
                deliver_price_alerts(stocked, [receiver], build_link)
                break
            except Killed:
                kills += 1
            finally:
                killer.arm(0)
    expected = {(r.rule_id, time) for r in rules for time in find_expected_candles(r.rule, closes)}
    events = stocked.price_alerts.list_events(limit=10_000)
    assert kills > 200 and len(expected) > 100
    assert {(event.rule_id, event.open_time) for event in events} == expected
    assert len(events) == len(expected)
    assert all(event.kind is EventKind.FIRED and event.sent_at for event in events)
    # Only a kill between sending and recording sends an event again, with the same id.
    assert set(receiver.ids) == {event.event_id for event in events}
    assert len(receiver.ids) <= len(events) + kills


def test_two_evaluations_at_once_fire_once(stocked: Warehouse) -> None:
    add_price_alert(stocked, make_rule(Comparison.ABOVE, 100), "tester")
    load_version(stocked, [101])

    def read_while_another_evaluates(rule: PriceAlertRule, window: Window) -> list[ClosedValue]:
        values = read_rule_values(stocked, rule, window)
        assert len(evaluate_price_alerts(stocked, reader(stocked))) == 1
        return values

    assert evaluate_price_alerts(stocked, read_while_another_evaluates) == []
    assert len(stocked.price_alerts.list_events()) == 1


def test_claimed_events_are_not_sent_by_another_process(stocked: Warehouse) -> None:
    add_price_alert(stocked, make_rule(Comparison.ABOVE, 100), "tester")
    load_version(stocked, [101])
    evaluate_price_alerts(stocked, reader(stocked))
    other = Receiver()

    @dataclass
    class Slow(Receiver):
        def send_alerts(self, alerts: Sequence[Alert]) -> None:
            deliver_price_alerts(stocked, [other], build_link)
            super().send_alerts(alerts)

    slow = Slow()
    deliver_price_alerts(stocked, [slow], build_link)
    assert (len(slow.received), len(other.received)) == (1, 0)

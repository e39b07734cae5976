"""Whether the exchange counts as unreachable: after two probes in a row, in every place."""

from dataclasses import replace

import orjson
import pytest

from crypto_assets.exchange import BinanceRest, ExchangeMonitor, ExchangeOutage, probe_exchange
from crypto_assets.market.staleness import ExchangeCondition
from crypto_assets.market.utc_time import HOUR_MS, now_ms
from crypto_assets_tests.exchange.conftest import RETRY, Serve
from crypto_assets_tests.exchange.responses import START
from crypto_assets_tests.services.scripted import Answer, in_turn

DOWN = Answer(503)
ONCE = replace(RETRY, attempts=1)


def tell_time(time_ms: int) -> Answer:
    return Answer(200, orjson.dumps({"serverTime": time_ms}), {"Content-Type": "application/json"})


def test_one_failed_probe_changes_nothing(serve: Serve) -> None:
    """A page asks every few seconds; a response ends the outage at once."""
    up = tell_time(START)
    server = serve(in_turn(DOWN, up, DOWN, DOWN, up))
    now = [0.0]
    monitor = ExchangeMonitor(BinanceRest(server.url, ONCE), clock=lambda: now[0])
    found = []
    for _ in range(5):
        monitor.read_condition()
        monitor._probes.check_all()
        found.append((monitor.read_condition().is_reachable, monitor.find_problem() is None))
        now[0] += 6
    monitor.close()
    assert found == [(True, True)] * 3 + [(False, False)] + [(True, True)]
    assert len(server.requests) == 5


@pytest.mark.parametrize(
    ("answers", "is_reachable", "requests"),
    [([DOWN, DOWN], False, 2), ([DOWN, tell_time(START)], True, 2), ([tell_time(START)], True, 1)],
)
def test_a_command_probes_until_it_knows(
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[Answer],
    is_reachable: bool,
    requests: int,
) -> None:
    monkeypatch.setattr("crypto_assets.exchange.monitor._CONFIRMING_PAUSE_SECONDS", 0.01)
    server = serve(in_turn(*answers))
    monitor = ExchangeMonitor(BinanceRest(server.url, ONCE))
    assert monitor.confirm_condition().is_reachable is is_reachable
    monitor.close()
    assert len(server.requests) == requests


@pytest.mark.parametrize("status", [400, 403, 418, 429, 451])
def test_an_exchange_that_refuses_requests_responds(serve: Serve, status: int) -> None:
    rest = BinanceRest(serve(in_turn(Answer(status))).url, ONCE)
    probe = probe_exchange(rest)
    assert probe.failure is None and probe.clock_lead_ms is None


def test_a_failed_probe_does_not_change_what_is_known_of_the_exchanges_clock(serve: Serve) -> None:
    server = serve(in_turn(tell_time(now_ms() + HOUR_MS), DOWN))
    rest, outage, condition = BinanceRest(server.url, ONCE), ExchangeOutage(), ExchangeCondition()
    for is_reachable in (True, True, False):
        probe = probe_exchange(rest)
        outage = outage.record_probe(probe)
        condition = outage.describe_exchange(probe, condition)
        assert condition.is_reachable is is_reachable
        assert abs(condition.clock_lead_ms - HOUR_MS) < 30_000

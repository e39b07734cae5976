"""Which hosts count as lost, on clocks that the tests set."""

from dataclasses import replace

import pytest

from crypto_assets.dagster_ext.host_watch import HostWatch
from crypto_assets.settings import Settings
from crypto_assets.warehouse.catalog.worker_heartbeats import WorkerHeartbeat

# Epoch ms of the first observation, and how often the sensor looks and a worker beats, in seconds.
START = 1_750_000_000_000
LOOK, BEAT = 30, 10
TIMEOUT = Settings.model_fields["worker_timeout_seconds"].default
SHORTEST = 45
LAST = 307


def worker(host: str, beat_at: float, queue: str = "backfills", skew: float = 0) -> WorkerHeartbeat:
    at = START + round((beat_at + skew) * 1000)
    return WorkerHeartbeat(host, queue, 4, "0.1.0", START, at)


def watch_until_lost(offset: float, skew: float = 0) -> float:
    """Return how long after its last heartbeat a host is found lost, by looks at some offset."""
    watch, clock = HostWatch(TIMEOUT), offset
    while clock < LAST + 600:
        beat_at = min(clock, LAST) // BEAT * BEAT
        lost = watch.find_lost_hosts(
            [worker("w2", beat_at, skew=skew)], START + round(clock * 1000), 77 + clock
        )
        if lost:
            return clock - LAST // BEAT * BEAT
        clock += LOOK
    raise AssertionError("never found lost")


def test_the_shipped_timeout_is_two_minutes() -> None:
    assert TIMEOUT == 120


@pytest.mark.parametrize("offset", range(0, LOOK, 3))
def test_a_lost_host_is_found_after_two_minutes_and_before_three(offset: int) -> None:
    """So that its runs are failed and launched again within three minutes."""
    assert TIMEOUT <= watch_until_lost(offset) < TIMEOUT + LOOK


@pytest.mark.parametrize("skew", [-86_400, -20, 20, 86_400])
def test_a_wrong_clock_of_a_host_changes_the_time_by_one_look_at_most(skew: int) -> None:
    for offset in range(0, LOOK, 3):
        assert TIMEOUT - LOOK <= watch_until_lost(offset, skew) <= TIMEOUT + 2 * LOOK


def test_a_host_lives_while_one_of_its_workers_does() -> None:
    watch = HostWatch(TIMEOUT)
    for clock in range(0, 600, LOOK):
        beats = [worker("w1", clock, "ticks"), worker("w1", 0), worker("w2", 0)]
        lost = watch.find_lost_hosts(beats, START + clock * 1000, clock)
        assert ("w2" in lost) is (clock >= TIMEOUT)
        assert "w1" not in lost
    assert lost["w2"] == clock


def test_a_host_that_returns_is_not_lost() -> None:
    watch = HostWatch(TIMEOUT)
    for clock in range(0, 300, LOOK):
        lost = watch.find_lost_hosts([worker("w2", 0)], START + clock * 1000, clock)
    assert lost
    back = replace(worker("w2", 300), started_at=START + 299_000)
    assert watch.find_lost_hosts([back], START + 300_000, 300) == {}


@pytest.mark.parametrize("timeout", [1, SHORTEST, TIMEOUT])
def test_an_outage_of_the_warehouse_costs_no_host_its_runs(timeout: int) -> None:
    """Workers that could not send anything do so before the second look after the outage."""
    watch = HostWatch(timeout)
    watch.find_lost_hosts([worker("w1", 0)], START, 0)
    assert watch.find_lost_hosts([worker("w1", 0)], START + 900_000, 900) == {}
    assert watch.find_lost_hosts([worker("w1", 901)], START + 930_000, 930) == {}


def test_a_host_that_was_lost_in_an_outage_of_the_warehouse_is_found_after_it() -> None:
    watch = HostWatch(TIMEOUT)
    watch.find_lost_hosts([worker("w1", 0)], START, 0)
    looks = range(900, 900 + TIMEOUT, LOOK)
    found = [watch.find_lost_hosts([worker("w1", 0)], START + at * 1000, at) for at in looks]
    assert not any(found[:-1])
    assert found[-1]

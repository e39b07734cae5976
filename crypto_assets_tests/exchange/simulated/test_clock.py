"""The simulated clock: real time, set, faster, stopped."""

import time

import pytest

from crypto_assets.exchange.simulated import SimulatedClock
from crypto_assets.market.utc_time import now_ms


def test_it_is_the_real_clock_by_default() -> None:
    assert abs(SimulatedClock().now_ms() - now_ms()) < 5000


def test_at_speed_zero_it_changes_only_when_it_is_set() -> None:
    clock = SimulatedClock(1_000, speed=0)
    time.sleep(0.01)
    assert clock.now_ms() == 1_000
    clock.advance(250)
    assert clock.now_ms() == 1_250
    clock.set_time(7)
    assert clock.now_ms() == 7


def test_a_change_of_speed_does_not_change_the_time() -> None:
    clock = SimulatedClock(0, speed=3600)
    time.sleep(0.05)
    clock.speed = 0
    reached = clock.now_ms()
    assert reached >= 180_000
    time.sleep(0.01)
    assert clock.now_ms() == reached
    clock.speed = 1
    assert reached <= clock.now_ms() < reached + 60_000


def test_it_cannot_run_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        SimulatedClock(0, speed=-1)

"""The brake on guessing tokens."""

import logging

import pytest
from pydantic import SecretStr

from crypto_assets.access import AccessControl, TokenRefused
from crypto_assets.access.brake import GuessBrake
from crypto_assets_tests.access.serving import OPERATOR_TOKEN, VIEWER_TOKEN


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_waits_grow_and_end_in_refusals(clock: Clock) -> None:
    brake = GuessBrake(clock)
    waits = [brake.record_failure("192.0.2.1") for _ in range(8)]
    assert waits == [0, 0, 0.25, 0.5, 1, 2, 4, 8]
    assert brake.get_refusal_seconds("192.0.2.1") == 300
    assert brake.get_refusal_seconds("192.0.2.2") == 0


def test_an_address_is_forgotten_after_minutes(clock: Clock) -> None:
    brake = GuessBrake(clock)
    for _ in range(8):
        brake.record_failure("192.0.2.1")
    clock.now += 299
    assert brake.get_refusal_seconds("192.0.2.1") == 1
    clock.now += 1
    assert brake.get_refusal_seconds("192.0.2.1") == 0
    assert brake.record_failure("192.0.2.1") == 0


def test_the_addresses_of_a_network_share_their_failures(clock: Clock) -> None:
    brake = GuessBrake(clock)
    for n in range(8):
        brake.record_failure(f"2001:db8:0:1::{n}")
    assert brake.get_refusal_seconds("2001:db8:0:1:ffff::1")
    assert not brake.get_refusal_seconds("2001:db8:0:2::1")


def test_mapped_ipv4_addresses_do_not_share_their_failures(clock: Clock) -> None:
    brake = GuessBrake(clock)
    for _ in range(8):
        brake.record_failure("::ffff:192.0.2.1")
    assert brake.get_refusal_seconds("192.0.2.1")
    assert not brake.get_refusal_seconds("::ffff:192.0.2.2")


def test_memory_is_bounded(clock: Clock) -> None:
    brake = GuessBrake(clock)
    for n in range(20_100):
        clock.now += 0.001
        brake.record_failure(f"10.0.{n // 250}.{n % 250}")
    assert len(brake._failures) <= 10_000


def test_refusals_count_for_right_tokens_too() -> None:
    access = AccessControl(SecretStr(OPERATOR_TOKEN))
    for _ in range(8):
        with pytest.raises(TokenRefused):
            access.check_token("guess", "192.0.2.1")
    with pytest.raises(TokenRefused) as caught:
        access.check_token(OPERATOR_TOKEN, "192.0.2.1")
    assert 290 < caught.value.retry_after <= 300
    assert access.check_token(OPERATOR_TOKEN, "192.0.2.2")


def test_the_right_token_ends_the_count() -> None:
    access = AccessControl(SecretStr(OPERATOR_TOKEN))
    for _ in range(5):
        for _ in range(7):
            with pytest.raises(TokenRefused):
                access.check_token("guess", "192.0.2.1")
        access.check_token(OPERATOR_TOKEN, "192.0.2.1")


def test_a_viewer_cannot_reset_the_count() -> None:
    access = AccessControl(SecretStr(OPERATOR_TOKEN), SecretStr(VIEWER_TOKEN))
    for _ in range(8):
        access.check_token(VIEWER_TOKEN, "192.0.2.1")
        with pytest.raises(TokenRefused):
            access.check_token("guess", "192.0.2.1")
    with pytest.raises(TokenRefused, match="too many wrong tokens"):
        access.check_token(VIEWER_TOKEN, "192.0.2.1")


def test_the_log_names_the_address_and_no_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(TokenRefused):
        AccessControl(SecretStr(OPERATOR_TOKEN)).check_token("my-guess", "192.0.2.1")
    assert "wrong token from 192.0.2.1, failure 1" in caplog.text
    assert "my-guess" not in caplog.text and OPERATOR_TOKEN not in caplog.text

"""How many candles an average needs to settle."""

import pytest

from crypto_assets.analytics.settling import candles_to_settle, ema_alpha, wilder_alpha


@pytest.mark.parametrize(
    "alpha", [ema_alpha(2), ema_alpha(26), wilder_alpha(14), wilder_alpha(100)]
)
def test_returns_the_first_count_with_a_small_seed_weight(alpha: float) -> None:
    count = candles_to_settle(alpha)
    assert (1 - alpha) ** count <= 1e-12 < (1 - alpha) ** (count - 1)


def test_an_average_of_one_needs_no_history() -> None:
    assert candles_to_settle(ema_alpha(1)) == 0

"""Anchors of running totals."""

import pandas as pd
import pytest

from crypto_assets.analytics.anchor_periods import (
    Anchor,
    max_candles_since,
    number_periods,
    resolve_anchor,
)
from crypto_assets.errors import WrongUse
from crypto_assets.market.intervals import Interval

TIMES = pd.DatetimeIndex(
    [
        *("2024-12-29T23:59Z", "2024-12-30T00:00Z", "2024-12-31T23:59:59.999Z"),
        *("2025-01-01T00:00Z", "2025-01-05T23:59Z", "2025-01-06T00:00Z", "1969-12-28T12:00Z"),
    ],
    tz="UTC",
)


@pytest.mark.parametrize(
    ("anchor", "groups"),
    [
        (Anchor.DAY, [0, 1, 2, 3, 4, 5, 6]),
        (Anchor.WEEK, [0, 1, 1, 1, 1, 2, 3]),
        (Anchor.MONTH, [0, 0, 0, 1, 1, 1, 2]),
        (Anchor.YEAR, [0, 0, 0, 1, 1, 1, 2]),
    ],
)
def test_periods_begin_at_utc_midnights(anchor: Anchor, groups: list[int]) -> None:
    for unit in ("ms", "ns"):
        codes, _ = pd.factorize(number_periods(TIMES.as_unit(unit), anchor))
        assert codes.tolist() == groups


@pytest.mark.parametrize(
    ("interval", "anchor"),
    [
        (Interval.M1, Anchor.DAY),
        (Interval.H1, Anchor.DAY),
        (Interval.H2, Anchor.WEEK),
        (Interval.H6, Anchor.WEEK),
        (Interval.H12, Anchor.MONTH),
        (Interval.D1, Anchor.MONTH),
        (Interval.W1, Anchor.YEAR),
    ],
)
def test_auto_contains_at_least_24_candles(interval: Interval, anchor: Anchor) -> None:
    assert resolve_anchor(Anchor.AUTO, interval) is anchor
    assert max_candles_since(Anchor.AUTO, interval) >= 24


def test_counts_the_longest_period() -> None:
    assert max_candles_since(Anchor.DAY, Interval.M1) == 1440
    assert max_candles_since(Anchor.MONTH, Interval.H1) == 31 * 24
    assert max_candles_since(Anchor.YEAR, Interval.W1) == 53
    assert max_candles_since(Anchor.DAY, Interval.W1) == 1


def test_an_anchor_with_too_many_candles_is_refused() -> None:
    with pytest.raises(WrongUse, match=r"a year contains 527,040 candles of 1m.*shorter anchor"):
        max_candles_since(Anchor.YEAR, Interval.M1)

"""A chart never draws more candles than a browser bears."""

import pytest

from crypto_assets.market.clock import HOUR_MS
from crypto_assets.market.intervals import Interval
from streamlit_app.ranges import MAX_CANDLES, Range, candles, drawable


@pytest.mark.parametrize("reach", list(Range))
@pytest.mark.parametrize("interval", list(Interval))
def test_what_is_drawn_is_the_finest_that_is_few_enough(interval: Interval, reach: Range) -> None:
    drawn = drawable(interval, reach)
    assert drawn.ms >= interval.ms
    assert 1 <= candles(drawn, reach) <= MAX_CANDLES
    finer = [one for one in Interval if interval.ms <= one.ms < drawn.ms]
    assert all(candles(one, reach) > MAX_CANDLES for one in finer)


def test_three_months_are_drawn_in_hours() -> None:
    assert drawable(Interval.M1, Range.QUARTER) is Interval.H1
    assert candles(Interval.H1, Range.QUARTER) * HOUR_MS == Range.QUARTER.ms


def test_the_ranges_grow() -> None:
    assert sorted(Range, key=lambda reach: reach.ms) == list(Range)

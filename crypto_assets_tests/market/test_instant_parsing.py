"""Parsing of instants and days in every form that users write."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

from crypto_assets.errors import WrongUse
from crypto_assets.market.instant_parsing import parse_day, parse_instant

NOON = 1_738_324_830_000  # 2025-01-31T12:00:30Z
DAY = 1_738_281_600_000


@pytest.mark.parametrize(
    ("given", "ms"),
    [
        (NOON, NOON),
        (" 1738324830000 ", NOON),
        ("2025-01-31T12:00:30Z", NOON),
        ("2025-01-31T12:00:30", NOON),
        ("2025-01-31 13:00:30+01:00", NOON),
        ("2025-01-31", DAY),
        ("20250131T120030Z", NOON),
        (np.int64(NOON), NOON),
        ("0", 0),
        (date(2025, 1, 31), DAY),
        (datetime(2025, 1, 31, 12, 0, 30), NOON),  # noqa: DTZ001  # a naive datetime, as users pass it
        (datetime(2025, 1, 31, 12, 0, 30, tzinfo=UTC), NOON),
        (datetime(2025, 1, 31, 13, 0, 30, tzinfo=timezone(timedelta(hours=1))), NOON),
    ],
)
def test_an_instant_is_parsed(given: str | int | date, ms: int) -> None:
    assert parse_instant(given) == ms


@pytest.mark.parametrize(
    "given",
    [
        *("2025", "202501", "20250131", " 20250131 ", "2025013112", "1738324830"),
        *("202501311200", "20250131120030", 20250131, np.int32(20250131), 1_738_324_830),
    ],
)
def test_a_number_that_may_be_a_date_or_seconds_is_rejected(given: str | int) -> None:
    with pytest.raises(WrongUse, match=r"may be a date, .*: write 2025-01-31T12:00:30Z, 2025-01"):
        parse_instant(given)


def test_a_day_has_one_format() -> None:
    assert parse_day(" 2025-01-31 ") == date(2025, 1, 31)
    for text in ("20250131", "2025-W05-5", "2025W055", "2025-1-31", "2025-02-30", "1738281600000"):
        with pytest.raises(WrongUse, match=f"'{text}' is not a day: write it as 2025-01-31"):
            parse_day(text)


@pytest.mark.parametrize("given", ["", "yesterday", "2025-02-30", "-5", "1e9", "12.5"])
def test_other_text_is_rejected(given: str) -> None:
    with pytest.raises(WrongUse, match="write 2025-01-31T12:00:30Z"):
        parse_instant(given)

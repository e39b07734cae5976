"""Days, times and durations as all pages write them."""

import re
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import streamlit_app
from crypto_assets.market.utc_time import DAY_MS, now_ms
from streamlit_app.format import dates

AT_MS = 1_795_960_732_000  # 2026-11-29T13:58:52Z


def test_a_time_names_its_zone() -> None:
    assert dates.format_instant(AT_MS) == "29 Nov 2026, 13:58 UTC"
    assert dates.format_instant(AT_MS, seconds=True) == "29 Nov 2026, 13:58:52 UTC"
    kolkata = ZoneInfo("Asia/Kolkata")
    assert dates.format_instant(AT_MS, kolkata) == "29 Nov 2026, 19:28 IST"


def test_a_near_time_has_no_day() -> None:
    assert re.fullmatch(r"\d\d:\d\d UTC", dates.format_near_instant(now_ms()))
    assert "," in dates.format_near_instant(now_ms() - 2 * DAY_MS)


@pytest.mark.parametrize(
    ("first", "shown"),
    [
        (date(2026, 11, 29), "29 Nov 2026"),
        (date(2026, 11, 2), "2 to 29 Nov 2026"),
        (date(2026, 9, 2), "2 Sep to 29 Nov 2026"),
        (date(2025, 11, 29), "29 Nov 2025 to 29 Nov 2026"),
    ],
)
def test_a_range_of_days_repeats_nothing(first: date, shown: str) -> None:
    assert dates.format_day_range(first, date(2026, 11, 29)) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-3, "0 s"), (59, "59 s"), (60, "1 min"), (81, "1 min 21 s"), (3600, "1 h"),
     (7500, "2 h 5 min"), (86_400, "1 d"), (360_000, "4 d 4 h")],
)  # fmt: skip
def test_a_duration_has_its_two_largest_units(seconds: int, shown: str) -> None:
    assert dates.format_duration(timedelta(seconds=seconds)) == shown


def test_an_age_does_not_count_the_seconds_of_minutes() -> None:
    assert [dates.format_age(timedelta(seconds=age)) for age in (42, 81)] == ["42 s", "1 min"]


def test_only_this_module_formats_days_for_people() -> None:
    """The parts of Analytics follow with the choice of a time zone."""
    root = Path(streamlit_app.__path__[0])
    elsewhere = [
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if path.parent.name not in ("analytics", "figures", "format")
        and re.search(r"%-?d %b|YYYY|D MMM", path.read_text())
    ]
    assert elsewhere == []

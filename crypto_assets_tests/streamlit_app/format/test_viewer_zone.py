"""The viewer's time zone: choices, names, and conversions over a change of the clocks."""

import pytest

from streamlit_app.format.viewer_zone import ViewerZone

SPRING = 1_741_514_400_000  # 2025-03-09 10:00 UTC, when Los Angeles moves from 02:00 to 03:00


@pytest.mark.parametrize(
    ("choice", "browser", "name"),
    [
        ("UTC", "Asia/Kolkata", "UTC"),
        ("exchange", "Asia/Kolkata", "UTC"),
        ("local", "Asia/Kolkata", "Asia/Kolkata"),
        ("local", "Asia/Calcutta", "Asia/Kolkata"),
        ("local", None, "UTC"),
        ("local", "Mars/Olympus", "UTC"),
        ("Pacific/Auckland", "Asia/Kolkata", "Pacific/Auckland"),
    ],
)
def test_a_choice_has_a_zone(choice: str, browser: str | None, name: str) -> None:
    assert ViewerZone.resolve(choice, browser).name == name


@pytest.mark.parametrize("choice", ["", "Mars/Olympus", "../etc/passwd", "leapseconds", "utc\0"])
def test_an_unknown_choice_is_an_error(choice: str) -> None:
    with pytest.raises(KeyError):
        ViewerZone.resolve(choice, None)


def test_times_follow_the_clock_of_the_zone() -> None:
    zone = ViewerZone("America/Los_Angeles")
    assert f"{zone.convert(SPRING - 1):%H:%M}" == "01:59"
    assert f"{zone.convert(SPRING):%H:%M}" == "03:00"
    assert zone.label == "Los Angeles time"

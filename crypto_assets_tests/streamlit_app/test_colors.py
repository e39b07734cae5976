"""Colors are distinct for every kind of color blindness, in the light and the dark theme."""

import re
import tomllib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import streamlit_app
from streamlit_app import colors
from streamlit_app.colors import FALLING, LINE_COLORS, RISING, make_translucent

Color = NDArray[np.float64]

# Machado, Oliveira, Fernandes 2009, severity 1.0: perceived linear RGB.
PERCEPTION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip

THEME = tomllib.loads((Path(streamlit_app.__path__[0]) / ".streamlit/config.toml").read_text())[
    "theme"
]
PAIRS = [
    (RISING, FALLING),
    *((THEME[mode]["greenColor"], THEME[mode]["redColor"]) for mode in ("light", "dark")),
    *((THEME[mode]["greenTextColor"], THEME[mode]["redTextColor"]) for mode in ("light", "dark")),
]


def linear(color: str) -> Color:
    srgb = np.array([int(color[n : n + 2], 16) for n in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: Color) -> Color:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / np.array([0.95047, 1, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    """WCAG 2, from 1 to 21."""
    dark, light = sorted(float(TO_XYZ[1] @ linear(color)) for color in (one, other))
    return (light + 0.05) / (dark + 0.05)


def difference(one: str, other: str, eye: str) -> float:
    """CIE 1976; 2.3 is just noticeable."""
    perceived = [lab(PERCEPTION[eye] @ linear(color)) for color in (one, other)]
    return float(np.linalg.norm(perceived[0] - perceived[1]))


@pytest.mark.parametrize("eye", PERCEPTION)
@pytest.mark.parametrize(("rising", "falling"), PAIRS)
def test_rising_and_falling_are_distinct(rising: str, falling: str, eye: str) -> None:
    assert difference(rising, falling, eye) > 50


@pytest.mark.parametrize("eye", PERCEPTION)
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_calendar_colors_are_distinct(mode: str, eye: str) -> None:
    background = THEME[mode]["backgroundColor"]
    states = [
        *(colors.COMPLETE, colors.EXPLAINED, colors.INCOMPLETE),
        blend_over(colors.NOT_LOADED, background),
    ]
    for one, other in combinations(states, 2):
        assert difference(one, other, eye) > 30, (one, other)
    for color in states[:3]:
        assert contrast(color, background) >= 3, "WCAG 2.2, 1.4.11"


def blend_over(color: str, background: str) -> str:
    """Blend an `rgba(...)` color with a background."""
    *channels, alpha = (float(part) for part in re.findall(r"[\d.]+", color))
    base = (int(background[at : at + 2], 16) for at in (1, 3, 5))
    mixed = (alpha * over + (1 - alpha) * under for over, under in zip(channels, base, strict=True))
    return "#" + "".join(f"{round(channel):02X}" for channel in mixed)


@pytest.mark.parametrize("eye", PERCEPTION)
def test_line_colors_are_distinct(eye: str) -> None:
    assert len(LINE_COLORS) >= 8
    for one, other in combinations(LINE_COLORS.values(), 2):
        assert difference(one, other, eye) > 20, (one, other)
    for line in LINE_COLORS.values():
        assert min(difference(line, candle, eye) for candle in (RISING, FALLING)) > 15, line


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_chart_colors_contrast_with_the_background(mode: str) -> None:
    background = THEME[mode]["backgroundColor"]
    for color in (RISING, FALLING, *LINE_COLORS.values()):
        assert contrast(color, background) >= 3, "WCAG 2.2, 1.4.11"


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_is_readable(mode: str) -> None:
    theme = THEME[mode]
    for text, background in (
        ("textColor", "backgroundColor"),
        ("textColor", "secondaryBackgroundColor"),
        ("linkColor", "backgroundColor"),
        ("greenTextColor", "greenBackgroundColor"),
        ("redTextColor", "redBackgroundColor"),
    ):
        assert contrast(theme[text], theme[background]) >= 4.5, f"WCAG 2.2, 1.4.3: {text}"
    button_text = "#FFFFFF" if mode == "light" else theme["backgroundColor"]
    assert contrast(button_text, theme["primaryColor"]) >= 4.5, "text on a primary button"
    assert contrast(theme["primaryColor"], theme["backgroundColor"]) >= 4.5, "selected options"


def test_make_translucent_keeps_the_color() -> None:
    assert make_translucent("#2B83D6", 0.5) == "rgba(43, 131, 214, 0.5)"

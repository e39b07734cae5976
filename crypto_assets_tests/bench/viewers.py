"""Measures concurrent viewers of one server process, and its memory over a long session."""

from collections.abc import Iterator

from crypto_assets_tests.bench import homes

_PAGE, _VIEWERS, _RERUNS = "analytics", 20, 200


def measure_viewers(home: homes.Environment) -> Iterator[tuple[str, float]]:
    """Measure the slowest of twenty viewers who open a page at the same time."""
    counts = ("--viewers", str(_VIEWERS), "--reruns", str(_RERUNS))
    found = homes.measure_inside(home, "viewers", _PAGE, *counts)
    yield "page_20_viewers_s", max(found["first"])
    yield "page_20_viewers_rerun_s", max(found["rerun"])
    yield "page_200_reruns_growth_mb", found["growth_mb"]

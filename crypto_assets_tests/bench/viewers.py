"""Many viewers at once on one server process, and what a long session leaves in its memory."""

from collections.abc import Iterator

from crypto_assets_tests.bench import homes

_PAGE, _VIEWERS, _RERUNS = "analytics", 20, 200


def measure(home: homes.Environment) -> Iterator[tuple[str, float]]:
    """The promised seconds are those of the last of twenty who open the page at the same time."""
    counts = ("--viewers", str(_VIEWERS), "--reruns", str(_RERUNS))
    found = homes.inside(home, "viewers", _PAGE, *counts)
    yield "page_20_viewers_s", max(found["first"])
    yield "page_20_viewers_rerun_s", max(found["rerun"])
    yield "page_200_reruns_growth_mb", found["growth_mb"]

"""Measures aggregates, every provider at every interval, and every page of the app."""

from collections.abc import Iterator
from math import ceil
from pathlib import Path
from statistics import median

import click

import streamlit_app
from crypto_assets_tests.bench import homes
from crypto_assets_tests.bench.workload import FIRST_DAY, Workload

_PAGES = Path(streamlit_app.__path__[0]) / "app_pages"

Figures = Iterator[tuple[str, float]]


def measure_aggregates(home: homes.Environment, workload: Workload) -> Figures:
    """Measure the aggregates of three symbols, and take the median."""
    span = ("--from", str(FIRST_DAY), "--to", str(workload.last))
    measured = [
        homes.measure_inside(home, "aggregates", "--symbol", symbol, *span)["seconds"]
        for symbol in workload.symbols[:3]
    ]
    yield "aggregate_year_s", median(measured)


def measure_providers(
    home: homes.Environment, workload: Workload, times: int, page: Path
) -> Figures:
    """Measure the p95 of the slowest pair of provider and interval.

    Writes all pairs to `page`, a Markdown table.
    """
    # The second symbol, because correlation also reads the first one.
    measured = homes.measure_inside(
        home, "providers", "--symbol", workload.symbols[1], "--times", str(times)
    )
    by_pair = {
        (pair.split()[0], pair.split()[1]): (
            _compute_percentile(50, ms),
            _compute_percentile(95, ms),
        )
        for pair, ms in measured.items()
    }
    page.write_text("".join(f"{line}\n" for line in _format_table(by_pair)))
    click.echo(page.read_text() + f"\np50 / p95 in ms, also in {page}")
    yield "provider_p95_ms", max(p95 for _, p95 in by_pair.values())
    all_ms = [value for ms in measured.values() for value in ms]
    yield "provider_all_p95_ms", _compute_percentile(95, all_ms)
    yield "provider_all_p50_ms", _compute_percentile(50, all_ms)


def measure_pages(home: homes.Environment, times: int) -> Figures:
    """Measure the slowest page, and each page."""
    names = sorted(path.name for path in _PAGES.glob("[!_]*.py"))
    measured = {
        name: homes.measure_inside(home, "page", name, "--times", str(times)) for name in names
    }
    yield "page_first_s", max(page["first"] for page in measured.values())
    yield "page_rerun_s", max(median(page["rerun"]) for page in measured.values())
    yield "page_refresh_s", max(median(page["refresh"]) for page in measured.values())
    for name, page in measured.items():
        yield f"page_first_{Path(name).stem}_s", page["first"]
        yield f"page_rerun_{Path(name).stem}_s", median(page["rerun"])
        yield f"page_refresh_{Path(name).stem}_s", median(page["refresh"])


def _compute_percentile(percent: int, values: list[float]) -> float:
    """Return the smallest value that `percent` of all values do not exceed."""
    return sorted(values)[max(0, ceil(len(values) * percent / 100) - 1)]


def _format_table(by_pair: dict[tuple[str, str], tuple[float, float]]) -> Iterator[str]:
    """Format a table with a row per provider and a column per interval: p50 / p95 in ms."""
    names = dict.fromkeys(name for name, _ in by_pair)
    intervals = list(dict.fromkeys(interval for _, interval in by_pair))
    yield f"| provider | {' | '.join(intervals)} |"
    yield f"|---|{'---:|' * len(intervals)}"
    for name in names:
        pairs = (by_pair[name, interval] for interval in intervals)
        yield f"| {name} | {' | '.join(f'{p50:.0f} / {p95:.0f}' for p50, p95 in pairs)} |"

"""The reading side's figures: aggregates, every chart at every interval, every page of the app."""

from collections.abc import Iterator
from math import ceil
from pathlib import Path
from statistics import median

import click

import streamlit_app
from crypto_assets_tests.bench import homes
from crypto_assets_tests.bench.work import FIRST, Work

_PAGES = Path(streamlit_app.__path__[0]) / "app_pages"

Figures = Iterator[tuple[str, float]]


def aggregates(home: homes.Environment, work: Work) -> Figures:
    """The median of three times, each of another symbol."""
    span = ("--from", str(FIRST), "--to", str(work.last))
    taken = [
        homes.inside(home, "aggregates", "--symbol", symbol, *span)["seconds"]
        for symbol in work.symbols[:3]
    ]
    yield "aggregate_year_s", median(taken)


def providers(home: homes.Environment, work: Work, times: int, page: Path) -> Figures:
    """The promised p95 is that of the slowest pair of provider and interval.

    All pairs go into `page`, a Markdown table.
    """
    # Not the first symbol: correlation reads that one besides.
    taken = homes.inside(home, "providers", "--symbol", work.symbols[1], "--times", str(times))
    by_pair = {
        (pair.split()[0], pair.split()[1]): (_percentile(50, ms), _percentile(95, ms))
        for pair, ms in taken.items()
    }
    page.write_text("".join(f"{line}\n" for line in _table(by_pair)))
    click.echo(page.read_text() + f"\np50 / p95 in ms, also in {page}")
    yield "provider_p95_ms", max(p95 for _, p95 in by_pair.values())
    every = [one for ms in taken.values() for one in ms]
    yield "provider_all_p95_ms", _percentile(95, every)
    yield "provider_all_p50_ms", _percentile(50, every)


def pages(home: homes.Environment, times: int) -> Figures:
    """The promised seconds are those of the slowest page."""
    names = sorted(path.name for path in _PAGES.glob("[!_]*.py"))
    taken = {name: homes.inside(home, "page", name, "--times", str(times)) for name in names}
    yield "page_first_s", max(one["first"] for one in taken.values())
    yield "page_rerun_s", max(median(one["rerun"]) for one in taken.values())
    yield "page_refresh_s", max(median(one["refresh"]) for one in taken.values())
    for name, one in taken.items():
        yield f"page_first_{Path(name).stem}_s", one["first"]
        yield f"page_rerun_{Path(name).stem}_s", median(one["rerun"])
        yield f"page_refresh_{Path(name).stem}_s", median(one["refresh"])


def _percentile(percent: int, values: list[float]) -> float:
    """The smallest value that so many percent of all do not exceed."""
    return sorted(values)[max(0, ceil(len(values) * percent / 100) - 1)]


def _table(by_pair: dict[tuple[str, str], tuple[float, float]]) -> Iterator[str]:
    """A row a provider, a column an interval: p50 / p95 in ms."""
    names = dict.fromkeys(name for name, _ in by_pair)
    intervals = list(dict.fromkeys(interval for _, interval in by_pair))
    yield f"| provider | {' | '.join(intervals)} |"
    yield f"|---|{'---:|' * len(intervals)}"
    for name in names:
        pairs = (by_pair[name, interval] for interval in intervals)
        yield f"| {name} | {' | '.join(f'{p50:.0f} / {p95:.0f}' for p50, p95 in pairs)} |"

"""`make bench`: measures, prints each figure beside what it must reach, writes them down."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import click
import pytest

from crypto_assets.settings import PROJECT_ROOT
from crypto_assets_tests.bench import (
    backfills,
    charts,
    gap_detection,
    homes,
    machine,
    ticks,
    viewers,
)
from crypto_assets_tests.bench.figures import report, shown
from crypto_assets_tests.bench.servers import Servers, running
from crypto_assets_tests.bench.watch import CommandFailed
from crypto_assets_tests.bench.work import SYMBOLS, Work

PARTS = ("day", "embedded", "aggregates", "gaps", "providers", "pages", "tick")
_QUICK_DAYS = 31


@click.command()
@click.option("--quick", is_flag=True, help=f"{_QUICK_DAYS} days instead of 365: a first look.")
@click.option("--days", type=click.IntRange(2, 365), help="Another number of days.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(PARTS),
    help="These parts alone; the backfill by month, whose data the others read, is always one.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=PROJECT_ROOT / "bench.json",
    help="Where the figures go.",
)
def bench(quick: bool, days: int | None, only: tuple[str, ...], output: Path) -> None:
    """Measure what docs/performance.md promises, against real servers, on this machine."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, _interrupt)  # a background shell has them ignored
    work = Work(SYMBOLS[:5], days or (_QUICK_DAYS if quick else 365))
    began = time.monotonic()
    values: dict[str, float] = {}
    with running(work.noon_after) as servers:
        described = machine.describe(servers.mariadb)
        chosen, times = set(only or PARTS), 5 if quick else 20
        page = output.with_name(f"{output.stem}-providers.md")
        for name, value in _measured(servers, work, chosen, times, page):
            click.echo(f"{name} {shown(value)}")
            values[name] = value
    click.echo("\n" + "\n".join(report(values)))
    facts = {"days": work.days, "symbols": len(work.symbols), "rows": work.rows}
    output.write_text(json.dumps({**_rounded(values), **facts, **described}, indent=2) + "\n")
    click.echo(f"\n{output} after {(time.monotonic() - began) / 60:.0f} minutes")


def _measured(
    servers: Servers, work: Work, parts: set[str], times: int, page: Path
) -> Iterator[tuple[str, float]]:
    home = homes.on_servers(servers, work, "month", "month")
    yield from backfills.by_month(servers, work, home)
    if "aggregates" in parts:
        yield from charts.aggregates(home, work)
    if "gaps" in parts:
        yield from gap_detection.measure(home, work)
    if "providers" in parts:
        yield from charts.providers(home, work, times, page)
    if "pages" in parts:
        yield from charts.pages(home, times)
        yield from viewers.measure(home)
    if "tick" in parts:
        yield from ticks.measure(servers, work, home)
    servers.mariadb.execute(f"DROP DATABASE {homes.database(home)}")
    if "day" in parts:
        yield from backfills.by_day(servers, work)
    if "embedded" in parts:
        yield from backfills.embedded(servers, work)


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in values.items()}


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        bench(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except (CommandFailed, pytest.fail.Exception) as error:
        sys.exit(f"bench: {error}")

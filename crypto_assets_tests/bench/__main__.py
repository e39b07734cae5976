"""`make bench`: measures the figures, prints each one beside its goals, and writes bench.json."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import click
import pytest

from crypto_assets.installation import PROJECT_ROOT
from crypto_assets_tests.bench import (
    backfills,
    chart_frames,
    gap_detection,
    homes,
    machine,
    reading,
    ticks,
    viewers,
    workers,
)
from crypto_assets_tests.bench.command_costs import CommandFailed
from crypto_assets_tests.bench.figures import format_report, format_value
from crypto_assets_tests.bench.servers import Servers, start_servers
from crypto_assets_tests.bench.workload import SYMBOLS, Workload

PARTS = ("day", "embedded", "aggregates", "gaps", "providers", "pages", "chart", "tick", "workers")
_QUICK_DAYS = 31


@click.command()
@click.option("--quick", is_flag=True, help=f"{_QUICK_DAYS} days instead of 365, for a first look.")
@click.option("--days", type=click.IntRange(2, 365), help="The number of days to load.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(PARTS),
    help="Measure only these parts. The backfill by month always runs: the others read its data.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=PROJECT_ROOT / "bench.json",
    help="The file for the figures.",
)
def bench(quick: bool, days: int | None, only: tuple[str, ...], output: Path) -> None:
    """Measure what docs/performance.md promises, against real servers, on this machine."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, _interrupt)  # a background shell ignores them
    workload = Workload(SYMBOLS[:5], days or (_QUICK_DAYS if quick else 365))
    began = time.monotonic()
    values: dict[str, float] = {}
    with start_servers(workload.noon_after) as servers:
        machine_facts = machine.describe_machine(servers.mariadb)
        parts, times = set(only or PARTS), 5 if quick else 20
        page = output.with_name(f"{output.stem}-providers.md")
        for name, value in _measure_parts(servers, workload, parts, times, page):
            click.echo(f"{name} {format_value(value)}")
            values[name] = value
    click.echo("\n" + "\n".join(format_report(values)))
    facts = {"days": workload.days, "symbols": len(workload.symbols), "rows": workload.rows}
    output.write_text(
        json.dumps({**_round_values(values), **facts, **machine_facts}, indent=2) + "\n"
    )
    click.echo(f"\n{output} after {(time.monotonic() - began) / 60:.0f} minutes")


def _measure_parts(
    servers: Servers, workload: Workload, parts: set[str], times: int, page: Path
) -> Iterator[tuple[str, float]]:
    """Yield the name and value of each figure."""
    home = homes.init_home_on_servers(servers, workload, "month", "month")
    yield from backfills.measure_by_month(servers, workload, home)
    if "aggregates" in parts:
        yield from reading.measure_aggregates(home, workload)
    if "gaps" in parts:
        yield from gap_detection.measure_gap_detection(home, workload)
    if "providers" in parts:
        yield from reading.measure_providers(home, workload, times, page)
    if "pages" in parts:
        yield from reading.measure_pages(home, times)
        yield from viewers.measure_viewers(home)
    if "chart" in parts:
        yield from chart_frames.measure_chart()
    if "tick" in parts:
        yield from ticks.measure_ticks(servers, workload, home)
    servers.mariadb.execute(f"DROP DATABASE {homes.get_database_name(home)}")
    if "day" in parts:
        yield from backfills.measure_by_day(servers, workload)
    if "embedded" in parts:
        yield from backfills.measure_embedded(servers, workload)
    if "workers" in parts:
        yield from workers.measure_workers(servers, workload)


def _round_values(values: dict[str, float]) -> dict[str, float]:
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

"""`python -m crypto_assets_tests.bench.inside COMMAND`: measures in a home, prints JSON."""

import json
from collections.abc import Mapping
from datetime import date

import click

from crypto_assets.cli.options import DayParam, SymbolsParam
from crypto_assets.market.utc_time import Window
from crypto_assets_tests.bench.inside import FIGURES_PREFIX


@click.group()
def inside() -> None:
    """Measure something in one process; the last line of the output contains the figures."""


@inside.command()
@click.option("--symbols", type=SymbolsParam(), required=True)
@click.option("--from", "first", type=DayParam(), required=True)
@click.option("--to", "last", type=DayParam(), required=True)
def backfill(symbols: tuple[str, ...], first: date, last: date) -> None:
    """Run a backfill without Dagster."""
    from crypto_assets_tests.bench.inside.backfill import backfill_without_dagster

    backfill_without_dagster(symbols, first, last)


@inside.command()
@click.option("--symbols", type=SymbolsParam(), required=True)
@click.option("--from", "first", type=DayParam(), required=True)
@click.option("--to", "last", type=DayParam(), required=True)
def queued_backfill(symbols: tuple[str, ...], first: date, last: date) -> None:
    """Measure a backfill by workers, from the first start to the last end of a run."""
    from crypto_assets_tests.bench.inside.queued_backfill import measure_queued_backfill

    _print_figures(measure_queued_backfill(symbols, first, last))


@inside.command()
@click.option("--dagster", is_flag=True, help="Measure Dagster's run instead of the work alone.")
def tick(dagster: bool) -> None:
    """Measure one ingest tick of all tracked symbols."""
    from crypto_assets_tests.bench.inside.tick import measure_dagster_run, measure_tick

    _print_figures({"seconds": measure_dagster_run() if dagster else measure_tick()})


@inside.command()
@click.option("--symbol", required=True)
@click.option("--from", "first", type=DayParam(), required=True)
@click.option("--to", "last", type=DayParam(), required=True)
def aggregates(symbol: str, first: date, last: date) -> None:
    """Measure the hours and days of a symbol from scratch."""
    from crypto_assets_tests.bench.inside.aggregates import measure_aggregation

    _print_figures({"seconds": measure_aggregation(symbol, Window.of_days(first, last))})


@inside.command()
@click.option("--symbol", required=True)
@click.option("--times", type=int, required=True)
def providers(symbol: str, times: int) -> None:
    """Measure every provider at every interval: the milliseconds of each call."""
    from crypto_assets_tests.bench.inside.providers import measure_providers

    _print_figures(measure_providers(symbol, times))


@inside.command()
@click.argument("page")
@click.option("--times", type=int, required=True)
def page(page: str, times: int) -> None:
    """Measure a page's first render and its reruns, in seconds."""
    from crypto_assets_tests.bench.inside.pages import measure_page

    _print_figures(measure_page(page, times))


@inside.command()
@click.argument("page")
@click.option("--viewers", type=int, required=True)
@click.option("--reruns", type=int, required=True)
def viewers(page: str, viewers: int, reruns: int) -> None:
    """Measure concurrent viewers of a page, and the server's memory over one viewer's reruns."""
    from crypto_assets_tests.bench.inside.viewers import measure_viewers

    _print_figures(measure_viewers(page, viewers, reruns))


def _print_figures(figures: Mapping[str, object]) -> None:
    click.echo(FIGURES_PREFIX + json.dumps(figures))


if __name__ == "__main__":
    inside()

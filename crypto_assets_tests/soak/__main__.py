"""`make soak`: a day of ticks with outages, a week, and an hour of kills; prints every flaw."""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from crypto_assets.market.utc_time import HOUR_MS, format_utc
from crypto_assets_tests.services.mariadb import DatabaseServer, start_server
from crypto_assets_tests.soak.day import WHOLE_DAY, DaySoak, format_summary
from crypto_assets_tests.soak.kills import KillSoak
from crypto_assets_tests.soak.week import WeekSoak
from crypto_assets_tests.soak.world import open_world

# Thursday 2025-03-06 12:00:10 UTC: ten seconds after the close of a minute, which has settled.
NOON = 1_741_262_410_000
MIDNIGHT = NOON - 12 * HOUR_MS
_server = contextmanager(start_server)


@click.command()
@click.option("--only", type=click.Choice(["day", "week", "kills"]), help="Run only one of them.")
@click.option("--minutes", type=click.IntRange(61), default=1440, help="Length of the day.")
@click.option("--days", type=click.IntRange(1), default=7, help="Length of the week.")
@click.option("--kill-minutes", type=click.IntRange(1), default=60, help="Length of the kills.")
def soak(only: str | None, minutes: int, days: int, kill_minutes: int) -> None:
    """Run a day and a week of ticks, and an hour of kills; exit with 1 if there is any flaw."""
    began, flaws = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="crypto-assets-soak-") as folder:
        if only in (None, "day"):
            flaws += _run_day(Path(folder) / "day", minutes)
        if only in (None, "week"):
            flaws += _run_week(Path(folder) / "week", days)
        if only in (None, "kills"):
            flaws += _run_kills(Path(folder) / "kills", kill_minutes)
    for flaw in flaws:
        click.echo(f"FLAW {flaw}")
    click.echo(f"{len(flaws)} flaws after {(time.monotonic() - began) / 60:.0f} minutes")
    sys.exit(1 if flaws else 0)


def _run_day(folder: Path, minutes: int) -> list[str]:
    with _start_database(folder) as server, open_world(folder, NOON, server.fresh()) as world:
        day = DaySoak(world, server, replace(WHOLE_DAY, minutes=minutes))
        for minute in day.run():
            if minute % 60 == 59:
                click.echo(f"{format_utc(world.now)[:16]} {minute + 1} minutes")
        click.echo("\n".join(format_summary(day)))
        return list(day.find_flaws())


def _run_week(folder: Path, days: int) -> list[str]:
    folder.mkdir()
    with open_world(folder, MIDNIGHT) as world:
        week = WeekSoak(world, MIDNIGHT, days)
        for date in week.run():
            click.echo(f"{date}: Dagster's home has {week.sizes[-1] / 1e6:.0f} MB")
        return list(week.find_flaws())


def _run_kills(folder: Path, minutes: int) -> list[str]:
    folder.mkdir()
    kills = KillSoak(folder, minutes)
    for line in kills.run():
        click.echo(line)
    click.echo("\n".join(kills.summarize()))
    return list(kills.find_flaws())


@contextmanager
def _start_database(folder: Path) -> Iterator[DatabaseServer]:
    (folder / "mariadb").mkdir(parents=True)
    with _server("mariadb", folder / "mariadb") as server:
        yield server


if __name__ == "__main__":
    soak()

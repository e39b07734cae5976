"""`make soak`: a day of ticks with planted outages, and a week of them; prints every flaw."""

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
from crypto_assets_tests.soak.day import WHOLE_DAY, Soak, summary
from crypto_assets_tests.soak.week import Week
from crypto_assets_tests.soak.world import world

# Thursday 2025-03-06 12:00:10 UTC: ten seconds into a minute, so that the one before has settled.
NOON = 1_741_262_410_000
MIDNIGHT = NOON - 12 * HOUR_MS
_server = contextmanager(start_server)


@click.command()
@click.option("--only", type=click.Choice(["day", "week"]), help="One of the two alone.")
@click.option("--minutes", type=click.IntRange(61), default=1440, help="Of the day.")
@click.option("--days", type=click.IntRange(1), default=7, help="Of the week.")
def soak(only: str | None, minutes: int, days: int) -> None:
    """Exits 1 where anything is not as it must be."""
    began, found = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="crypto-assets-soak-") as folder:
        if only != "week":
            found += _day(Path(folder) / "day", minutes)
        if only != "day":
            found += _week(Path(folder) / "week", days)
    for flaw in found:
        click.echo(f"FLAW {flaw}")
    click.echo(f"{len(found)} flaws after {(time.monotonic() - began) / 60:.0f} minutes")
    sys.exit(1 if found else 0)


def _day(folder: Path, minutes: int) -> list[str]:
    with _database(folder) as server, world(folder, NOON, server.fresh()) as here:
        run = Soak(here, server, replace(WHOLE_DAY, minutes=minutes))
        for minute in run.run():
            if minute % 60 == 59:
                click.echo(f"{format_utc(here.now)[:16]} {minute + 1} minutes")
        click.echo("\n".join(summary(run)))
        return list(run.flaws())


def _week(folder: Path, days: int) -> list[str]:
    folder.mkdir()
    with world(folder, MIDNIGHT) as here:
        week = Week(here, MIDNIGHT, days)
        for day in week.run():
            click.echo(f"{day}: Dagster's home holds {week.sizes[-1] / 1e6:.0f} MB")
        return list(week.flaws())


@contextmanager
def _database(folder: Path) -> Iterator[DatabaseServer]:
    (folder / "mariadb").mkdir(parents=True)
    with _server("mariadb", folder / "mariadb") as server:
        yield server


if __name__ == "__main__":
    soak()

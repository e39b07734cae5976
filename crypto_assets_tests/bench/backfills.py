"""The backfill's figures: by month and by day, with Dagster's share, embedded, and the ceiling."""

from collections.abc import Iterator

from crypto_assets_tests.bench import homes
from crypto_assets_tests.bench.ceiling import ceiling_rows_s
from crypto_assets_tests.bench.servers import Servers
from crypto_assets_tests.bench.watch import Watched
from crypto_assets_tests.bench.work import Work

Figures = Iterator[tuple[str, float]]


def by_month(servers: Servers, work: Work, home: homes.Environment) -> Figures:
    """Beside the rate, the processor seconds that each process spent on a million rows."""
    ran = homes.backfill(servers, work, home)
    rate = work.rows / ran.seconds
    yield "backfill_month_rows_s", rate
    yield "backfill_peak_mb", ran.peak_mb
    yield from _costs("backfill_month", work, ran)
    ceiling = ceiling_rows_s(servers, work)
    yield "ceiling_rows_s", ceiling
    yield "backfill_over_ceiling", rate / ceiling


def by_day(servers: Servers, work: Work) -> Figures:
    """Dagster's share is what the same work takes less of without it, in the same minutes."""
    home = homes.on_servers(servers, work, "day", "day")
    ran = homes.backfill(servers, work, home)
    yield "backfill_day_rows_s", work.rows / ran.seconds
    yield "backfill_day_peak_mb", ran.peak_mb
    servers.mariadb.execute(f"DROP DATABASE {homes.database(home)}")
    home = homes.on_servers(servers, work, "alone", "day")
    alone = homes.backfill_alone(servers, work, home)
    yield "backfill_alone_rows_s", work.rows / alone.seconds
    yield "backfill_day_bookkeeping_share", 1 - alone.seconds / ran.seconds
    servers.mariadb.execute(f"DROP DATABASE {homes.database(home)}")


def embedded(servers: Servers, work: Work) -> Figures:
    ran = homes.backfill(servers, work, homes.embedded(servers, work, "embedded", "month"))
    yield "backfill_embedded_rows_s", work.rows / ran.seconds
    yield "backfill_embedded_peak_mb", ran.peak_mb
    yield from _costs("backfill_embedded", work, ran)


def _costs(prefix: str, work: Work, ran: Watched) -> Figures:
    for name, seconds in ran.cpu_seconds.items():
        yield f"{prefix}_cpu_s_per_million_{name}", seconds / work.rows * 1e6

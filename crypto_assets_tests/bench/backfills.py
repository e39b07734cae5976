"""Measures backfills: by month, by day with and without Dagster, embedded, and the ceiling."""

from collections.abc import Iterator

from crypto_assets_tests.bench import homes
from crypto_assets_tests.bench.ceiling import measure_ceiling_rows_s
from crypto_assets_tests.bench.command_costs import CommandCosts
from crypto_assets_tests.bench.servers import Servers
from crypto_assets_tests.bench.workload import Workload

Figures = Iterator[tuple[str, float]]


def measure_by_month(servers: Servers, workload: Workload, home: homes.Environment) -> Figures:
    """Measure the rate, the memory, and the CPU seconds of each process per million rows."""
    costs = homes.run_backfill(servers, workload, home)
    rate = workload.rows / costs.seconds
    yield "backfill_month_rows_s", rate
    yield "backfill_peak_mb", costs.peak_mb
    yield from _list_cpu_costs("backfill_month", workload, costs)
    ceiling = measure_ceiling_rows_s(servers, workload)
    yield "ceiling_rows_s", ceiling
    yield "backfill_over_ceiling", rate / ceiling


def measure_by_day(servers: Servers, workload: Workload) -> Figures:
    """Measure the rate, and the share of time that the same work saves without Dagster."""
    home = homes.init_home_on_servers(servers, workload, "day", "day")
    costs = homes.run_backfill(servers, workload, home)
    yield "backfill_day_rows_s", workload.rows / costs.seconds
    yield "backfill_day_peak_mb", costs.peak_mb
    servers.mariadb.execute(f"DROP DATABASE {homes.get_database_name(home)}")
    home = homes.init_home_on_servers(servers, workload, "alone", "day")
    without_dagster = homes.run_backfill_without_dagster(servers, workload, home)
    yield "backfill_alone_rows_s", workload.rows / without_dagster.seconds
    yield "backfill_day_bookkeeping_share", 1 - without_dagster.seconds / costs.seconds
    servers.mariadb.execute(f"DROP DATABASE {homes.get_database_name(home)}")


def measure_embedded(servers: Servers, workload: Workload) -> Figures:
    """Measure a backfill by month into a directory and SQLite."""
    costs = homes.run_backfill(
        servers, workload, homes.init_embedded_home(servers, workload, "embedded", "month")
    )
    yield "backfill_embedded_rows_s", workload.rows / costs.seconds
    yield "backfill_embedded_peak_mb", costs.peak_mb
    yield from _list_cpu_costs("backfill_embedded", workload, costs)


def _list_cpu_costs(prefix: str, workload: Workload, costs: CommandCosts) -> Figures:
    for name, seconds in costs.cpu_seconds.items():
        yield f"{prefix}_cpu_s_per_million_{name}", seconds / workload.rows * 1e6

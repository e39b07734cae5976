"""The costs of ticks, counted, since seconds depend on the load of the machine."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.soak.world import World

_READS = "Handler_read_%"


@dataclass(frozen=True)
class Cost:
    """The costs of some ticks.

    Statements and rows read at the database, request weight at the exchange, and CPU seconds of
    this process, which include the simulated exchange.
    """

    statements: int = 0
    rows_read: int = 0
    weight: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.statements + other.statements,
            self.rows_read + other.rows_read,
            self.weight + other.weight,
            self.seconds + other.seconds,
        )

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(
            self.statements - other.statements,
            self.rows_read - other.rows_read,
            self.weight - other.weight,
            self.seconds - other.seconds,
        )


def measure_costs_so_far(world: World, server: DatabaseServer) -> Cost:
    """Measure the costs since the servers started; each call adds the same few statements."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Questions'")
        statements = sum(int(row[1]) for row in cursor.fetchall())
        cursor.execute(f"SHOW GLOBAL STATUS LIKE '{_READS}'")
        rows_read = sum(int(row[1]) for row in cursor.fetchall())
    return Cost(statements, rows_read, world.exchange.weights.total_weight, time.process_time())


def sum_costs(costs: Sequence[Cost]) -> Cost:
    return sum(costs, Cost())

"""What ticks cost: counted, since seconds depend on what else the machine does."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.soak.world import World

_READS = "Handler_read_%"


@dataclass(frozen=True)
class Cost:
    """Of some ticks: statements and rows read at the database, weight at the exchange, CPU seconds
    of this process (the simulated exchange's included)."""

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


def so_far(world: World, server: DatabaseServer) -> Cost:
    """Since the servers started; asking costs the same few statements each time."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Questions'")
        statements = sum(int(row[1]) for row in cursor.fetchall())
        cursor.execute(f"SHOW GLOBAL STATUS LIKE '{_READS}'")
        rows_read = sum(int(row[1]) for row in cursor.fetchall())
    return Cost(statements, rows_read, world.exchange.weights.total_weight, time.process_time())


def total(costs: Sequence[Cost]) -> Cost:
    return sum(costs, Cost())

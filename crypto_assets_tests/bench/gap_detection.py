"""Measures the search for missing minutes over all data loaded on the server."""

import time
from collections.abc import Iterator

from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.bench import homes
from crypto_assets_tests.bench.workload import Workload
from crypto_assets_tests.warehouse.stored_minutes import detect_missing_ranges

_TIMES = 3


def measure_gap_detection(
    home: homes.Environment, workload: Workload
) -> Iterator[tuple[str, float]]:
    """Measure all symbols in sequence, each over all its days: the best of three rounds."""
    warehouse = Warehouse(home["CRYPTO_WAREHOUSE_URL"])
    rounds = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        for symbol in workload.symbols:
            detect_missing_ranges(warehouse, symbol, workload.window)
        rounds.append(time.perf_counter() - began)
    warehouse.close()
    yield "gap_detection_s", min(rounds)

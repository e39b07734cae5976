"""How long a look for missing minutes takes, over all that was loaded on the server."""

import time
from collections.abc import Iterator

from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.bench import homes
from crypto_assets_tests.bench.work import Work
from crypto_assets_tests.warehouse.stored_minutes import detect_missing_ranges

_TIMES = 3


def measure(home: homes.Environment, work: Work) -> Iterator[tuple[str, float]]:
    """All symbols one after the other, each over all of its days; the best of three rounds."""
    warehouse = Warehouse(home["CRYPTO_WAREHOUSE_URL"])
    rounds = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        for symbol in work.symbols:
            detect_missing_ranges(warehouse, symbol, work.window)
        rounds.append(time.perf_counter() - began)
    warehouse.close()
    yield "gap_detection_s", min(rounds)

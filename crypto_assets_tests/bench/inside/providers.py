"""Measures every provider at every interval through the reports of the app and the API."""

import time

from crypto_assets.analytics.registry import find_providers
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.stages.order_books import capture_order_book, load_order_books
from crypto_assets.python_gc import freeze_loaded_objects
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_reports, open_shared_context

_POINTS = 500


def measure_providers(symbol: str, times: int) -> dict[str, list[float]]:
    """Measure milliseconds by `provider interval`, without the connection and each first call."""
    item = capture_order_book(open_shared_context(), symbol)
    load_order_books(open_shared_context(), symbol, Window(item.first_time, item.first_time + 1))
    reports = open_reports(get_settings())
    found: dict[str, list[float]] = {}
    names = find_providers()
    freeze_loaded_objects()  # as the app and the API do before they serve
    for name in names:
        for interval in Interval:
            taken = []
            for _ in range(times + 1):
                began = time.perf_counter()
                answer = reports.get_indicator(name, symbol, interval, limit=_POINTS)
                taken.append((time.perf_counter() - began) * 1000)
                assert answer is not None
            found[f"{name} {interval}"] = taken[1:]
    return found

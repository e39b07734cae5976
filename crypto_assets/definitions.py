"""What Dagster loads: every asset, job, schedule and sensor, and the platform they work with."""

import dagster as dg

from crypto_assets.defs import jobs, schedules, sensors
from crypto_assets.defs.assets.klines import klines
from crypto_assets.defs.assets.order_books import order_books
from crypto_assets.wiring import platform

defs = dg.Definitions(
    assets=[klines, order_books],
    jobs=[jobs.ingest, jobs.order_books, jobs.backfill],
    schedules=[schedules.ingest_schedule, schedules.order_books_schedule],
    sensors=[sensors.symbols_sensor, sensors.catch_up_sensor],
    # A function: a plain object would be opened, and a secret in it stored, when code loads.
    resources={"platform": dg.ResourceDefinition(lambda _: platform())},
    # One step a run: a process of its own would cost more than it brings.
    executor=dg.in_process_executor,
)

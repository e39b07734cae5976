"""What Dagster loads: every asset, job, schedule and sensor, and the platform they work with."""

import dagster as dg

from crypto_assets.dagster_ext.executor import signed_in_process
from crypto_assets.defs import alerts, close_day, gap_repair, ingest, maintenance, symbol_partitions
from crypto_assets.defs.abandoned_runs import left_runs_sensor
from crypto_assets.defs.assets.klines import klines
from crypto_assets.defs.assets.maintenance import dagster_history, retention
from crypto_assets.defs.assets.order_books import order_books
from crypto_assets.defs.backfill import backfill
from crypto_assets.wiring import alert_address, platform

defs = dg.Definitions(
    assets=[klines, order_books, retention, dagster_history],
    jobs=[
        ingest.ingest,
        ingest.order_books,
        backfill,
        close_day.close_day,
        gap_repair.mend_gaps,
        gap_repair.load_leftovers,
        gap_repair.load_leftover_books,
        maintenance.maintenance,
        maintenance.thin_history,
    ],
    schedules=[
        close_day.close_day_schedule,
        ingest.ingest_schedule,
        ingest.order_books_schedule,
        maintenance.maintenance_schedule,
        maintenance.history_schedule,
    ],
    sensors=[
        symbol_partitions.symbols_sensor,
        symbol_partitions.catch_up_sensor,
        gap_repair.gaps_sensor,
        gap_repair.leftovers_sensor,
        alerts.run_failures_sensor,
        alerts.stale_symbols_sensor,
        left_runs_sensor,
    ],
    # A function: a plain object would be opened, and a secret in it stored, when code loads.
    resources={
        "platform": dg.ResourceDefinition(lambda _: platform()),
        "webhook": dg.ResourceDefinition(lambda _: alert_address().webhook()),
    },
    # Of every job: one with an executor of its own would leave its runs unsigned.
    executor=signed_in_process,
)

"""What Dagster loads: every asset, job, schedule and sensor, and the platform they work with."""

import dagster as dg

from crypto_assets.defs import alerts, closing, maintenance, mending, symbols, ticks
from crypto_assets.defs.assets.klines import klines
from crypto_assets.defs.assets.maintenance import dagster_history, retention
from crypto_assets.defs.assets.order_books import order_books
from crypto_assets.defs.backfill import backfill
from crypto_assets.defs.executor import signed_in_process
from crypto_assets.defs.left_runs import left_runs_sensor
from crypto_assets.wiring import alert_address, platform

defs = dg.Definitions(
    assets=[klines, order_books, retention, dagster_history],
    jobs=[
        ticks.ingest,
        ticks.order_books,
        backfill,
        closing.close_day,
        mending.mend_gaps,
        mending.load_leftovers,
        mending.load_leftover_books,
        maintenance.maintenance,
        maintenance.thin_history,
    ],
    schedules=[
        closing.close_day_schedule,
        ticks.ingest_schedule,
        ticks.order_books_schedule,
        maintenance.maintenance_schedule,
        maintenance.history_schedule,
    ],
    sensors=[
        symbols.symbols_sensor,
        symbols.catch_up_sensor,
        mending.gaps_sensor,
        mending.leftovers_sensor,
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

"""The code location that Dagster loads: assets, jobs, schedules, sensors and resources."""

import dagster as dg

from crypto_assets.dagster_ext.executor import owner_stamping_executor
from crypto_assets.defs import alerts, close_day, gap_repair, ingest, maintenance, symbol_partitions
from crypto_assets.defs.abandoned_runs import abandoned_runs_sensor
from crypto_assets.defs.assets.klines import klines_assets
from crypto_assets.defs.assets.maintenance import dagster_history, retention, warehouse_tables
from crypto_assets.defs.assets.order_books import order_book_assets
from crypto_assets.defs.backfill import backfill_job
from crypto_assets.defs.common_attributes import add_common_attributes
from crypto_assets.defs.maintenance_checks import MAINTENANCE_CHECKS
from crypto_assets.wiring import open_shared_alert_destination, open_shared_context

defs = dg.Definitions(
    assets=[klines_assets, order_book_assets, retention, warehouse_tables, dagster_history],
    asset_checks=MAINTENANCE_CHECKS,
    jobs=[
        ingest.ingest_job,
        ingest.order_books_job,
        backfill_job,
        close_day.close_day_job,
        gap_repair.repair_gaps_job,
        gap_repair.load_orphaned_objects_job,
        gap_repair.load_orphaned_books_job,
        maintenance.maintenance_job,
        maintenance.thin_history_job,
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
        gap_repair.orphaned_objects_sensor,
        alerts.run_failures_sensor,
        alerts.stale_symbols_sensor,
        abandoned_runs_sensor,
    ],
    # Functions, because Dagster would open plain objects, and store their secrets, on loading.
    resources={
        "platform": dg.ResourceDefinition(lambda _: open_shared_context()),
        "webhook": dg.ResourceDefinition(
            lambda _: open_shared_alert_destination().read_webhook_or_last()
        ),
    },
    # For every job: runs of a job with another executor would have no owner tag.
    executor=owner_stamping_executor,
)
defs = add_common_attributes(defs)

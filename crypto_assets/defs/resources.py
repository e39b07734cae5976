"""What assets, schedules and sensors of this code location share: resources and the executor."""

import dagster as dg

from crypto_assets.dagster_ext.executor import owner_stamping_executor
from crypto_assets.defs.markets import HOME_MARKET
from crypto_assets.wiring import open_shared_alert_destination, open_shared_context

shared = dg.Definitions(
    # Functions, because Dagster would open plain objects, and store their secrets, on loading.
    resources={
        HOME_MARKET.resource_key: dg.ResourceDefinition(lambda _: open_shared_context()),
        "webhook": dg.ResourceDefinition(
            lambda _: open_shared_alert_destination().read_webhook_or_last()
        ),
    },
    # For every job: runs of a job with another executor would have no owner tag.
    executor=owner_stamping_executor,
)

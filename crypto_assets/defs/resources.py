"""The resources of this code location, and the executor of all its jobs.

Dagster stores the configuration of a resource in clear. These hold no secret: what they open is
configured by the settings, or by environment variables of which they hold the name.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from crypto_assets.dagster_ext.executor import owner_stamping_executor
from crypto_assets.defs.exchange_usage import record_exchange_usage
from crypto_assets.defs.markets import DEFAULT_MARKET, WEBHOOK_RESOURCE_KEY
from crypto_assets.pipeline.alerting.webhook import Webhook
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.wiring import open_shared_alert_destination, open_shared_context


class HomeStores(dg.ConfigurableResource[PipelineContext]):
    """The exchange, the lakes and the warehouse that the settings choose."""

    def create_resource(self, context: dg.InitResourceContext) -> PipelineContext:
        """Return the process's context; connections are opened on first use."""
        return open_shared_context()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[PipelineContext]:
        """Yield the process's context, and record what a run uses of the exchange's rate limit."""
        stores = self.create_resource(context)
        with record_exchange_usage(stores.warehouse, context.run):
            yield stores


class AlertWebhook(dg.ConfigurableResource[Webhook]):
    """The webhook of alerts: that of the app's settings, or `CRYPTO_ALERT_WEBHOOK_URL`."""

    def create_resource(self, context: dg.InitResourceContext) -> Webhook:
        """Read the webhook from the warehouse, or return the last one if that does not respond."""
        return open_shared_alert_destination().read_webhook_or_last()


shared = dg.Definitions(
    resources={DEFAULT_MARKET.resource_key: HomeStores(), WEBHOOK_RESOURCE_KEY: AlertWebhook()},
    # For every job: runs of a job with another executor would have no owner tag.
    executor=owner_stamping_executor,
)

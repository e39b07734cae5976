"""`crypto-assets api`: the HTTP API, until Ctrl-C."""

import click

from crypto_assets.api import (
    REQUESTS_PER_MINUTE,
    AccessPolicy,
    ApiContext,
    configure_json_logs,
    create_app,
)
from crypto_assets.http_server import serve_app
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.control.backfill import Partitioning
from crypto_assets.ports import require_free_port
from crypto_assets.reports import Reports
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_pipeline_context

_GRACE_SECONDS = 10


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    help="Where it listens.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="On which address; beyond this machine, writing needs CRYPTO_API_TOKEN.",
)
@click.option(
    "--requests-per-minute",
    type=click.IntRange(min=0),
    default=REQUESTS_PER_MINUTE,
    show_default=True,
    help="From one address; 0 for any number.",
)
def api(port: int, host: str, requests_per_minute: int) -> None:
    """Serve candles, indicators and the pipeline's controls over HTTP; what there is: /docs."""
    require_free_port(port, host)
    chosen = get_settings()
    stores = open_pipeline_context(chosen)
    stores.warehouse.require_ready()
    context = ApiContext(
        pipeline=stores,
        reports=Reports(stores.warehouse, default_ingest_minutes=stores.default_ingest_minutes),
        orchestrator=Orchestrator(chosen.dagster_url),
        partitioning=Partitioning(chosen.partition_unit, chosen.start_date),
    )
    app = create_app(
        context, AccessPolicy(host, chosen.api_token), chosen.api_cors_origins, requests_per_minute
    )
    configure_json_logs()
    click.echo(f"\n  API   http://{host}:{port}/api\n  docs  http://{host}:{port}/docs\n")
    serve_app(app, port, host, _GRACE_SECONDS)

"""`crypto-assets api`: serve the HTTP API until Ctrl-C."""

import logging

import click

from crypto_assets.access import open_access_control
from crypto_assets.api import (
    REQUESTS_PER_MINUTE,
    ApiContext,
    build_api_policy,
    create_app,
)
from crypto_assets.http_server import serve_app
from crypto_assets.logs import configure_json_logs
from crypto_assets.pipeline.control.backfill import Partitioning
from crypto_assets.process_metrics import find_metrics_folder
from crypto_assets.settings import LogFormat, get_settings
from crypto_assets.tcp_ports import require_free_port
from crypto_assets.telemetry import start_telemetry
from crypto_assets.wiring import (
    open_exchange_monitor,
    open_orchestrator,
    open_pipeline_context,
    open_reports,
)

_GRACE_SECONDS = 10
_log = logging.getLogger(__name__)


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on.",
)
@click.option(
    "--requests-per-minute",
    type=click.IntRange(min=0),
    default=REQUESTS_PER_MINUTE,
    show_default=True,
    help="Rate limit per client address; 0 for no limit.",
)
def api(port: int, host: str, requests_per_minute: int) -> None:
    """Serve candles, indicators and pipeline controls over HTTP.

    The routes are listed at /docs.
    """
    require_free_port(port, host)
    settings = get_settings()
    if settings.log_format is not LogFormat.TEXT:
        configure_json_logs("api")
    start_telemetry("api")
    context = open_pipeline_context(settings)
    context.warehouse.require_ready()
    api_context = ApiContext(
        pipeline=context,
        reports=open_reports(settings, open_exchange_monitor(settings).read_condition),
        orchestrator=open_orchestrator(settings),
        partitioning=Partitioning(settings.partition_unit, settings.start_date),
        metrics_folder=find_metrics_folder(settings),
    )
    access = open_access_control(settings)
    app = create_app(
        api_context,
        access,
        settings.api_cors_origins,
        requests_per_minute,
        build_api_policy(settings),
    )
    if settings.log_format is LogFormat.JSON:
        _log.info("Serving the API on http://%s:%d", host, port)
    else:
        click.echo(f"\n  API   http://{host}:{port}/api\n  docs  http://{host}:{port}/docs\n")
    serve_app(app, port, host, _GRACE_SECONDS, trusted_proxies=settings.trusted_proxies)

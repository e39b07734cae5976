"""Create the API: routes under /api, health checks at the root, and the middleware."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from crypto_assets.access import AccessControl, AccessMiddleware
from crypto_assets.analytics.registry import find_providers
from crypto_assets.api.body_limit import BodyLimitMiddleware
from crypto_assets.api.dependencies import ApiContext
from crypto_assets.api.error_handlers import add_error_handlers
from crypto_assets.api.head_requests import HeadAsGetMiddleware
from crypto_assets.api.health_checks import create_health_checks
from crypto_assets.api.metrics import create_metrics_registry
from crypto_assets.api.rate_limit import (
    REQUESTS_PER_MINUTE,
    RateLimitMiddleware,
    RequestAllowance,
)
from crypto_assets.api.replica_lag import (
    REPLICA_LAG_HEADER,
    ReplicaLag,
    ReplicaLagMiddleware,
)
from crypto_assets.api.request_metrics import RequestMetricsMiddleware
from crypto_assets.api.routes import backfills, control, health, markets, pipeline, symbols
from crypto_assets.api.routes.analytics import get_analytics_router
from crypto_assets.api.routes.health import HEALTH_PATHS
from crypto_assets.installation import VERSION
from crypto_assets.request_guard import GuardPolicy, RequestGuardMiddleware, build_guard_policy
from crypto_assets.settings import Settings

_DESCRIPTION = """\
Candles, indicators and order books from the warehouse, and the pipeline's controls.

Times are epoch milliseconds, UTC; rows of series also contain the time in ISO 8601. Prices and
volumes of candles are decimal text. Indicators are numbers, or null where a value is undefined.
Writes need `Authorization: Bearer` with the operator token; reads need a token if the server has a
viewer token.
"""
_TAGS = {
    "symbols": "List, track and untrack symbols.",
    "markets": "Candles, 24-hour statistics, the order book and the dashboard.",
    "pipeline": "Status, ingestion log, storage, gaps and data quality.",
    "control": "Schedules, sensors and maintenance tasks, run by Dagster.",
    "backfills": "Load past days, run by Dagster.",
    "health": "Health checks and metrics.",
    "analytics": "Indicators and other computations over candles and order books.",
}


# Of the page /docs, which has its script and its icons in the page itself.
_DOCS_CSP = {
    "default-src": "'none'",
    "script-src": "'self' 'unsafe-inline'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
}
_DEFAULT_POLICY = GuardPolicy(page_csp={"/docs": _DOCS_CSP}, isolated=False)


def build_api_policy(settings: Settings) -> GuardPolicy:
    """Build the policy of the API. Whether a page of another origin may read is decided by CORS."""
    return build_guard_policy(settings, page_csp={"/docs": _DOCS_CSP}, isolated=False)


_documents: dict[tuple[Callable[..., Any], ...], dict[str, Any]] = {}


def create_app(
    context: ApiContext,
    access: AccessControl,
    cors_origins: Sequence[str] = (),
    requests_per_minute: int = REQUESTS_PER_MINUTE,
    guard: GuardPolicy | None = None,
) -> ASGIApp:
    """Create the app; it closes the warehouse's connections when it stops.

    Pages of `cors_origins` may read. `requests_per_minute` limits each client; 0 is no limit.
    """
    app = FastAPIOffline(
        title="crypto-assets",
        version=VERSION,
        description=_DESCRIPTION,
        openapi_tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
        redoc_url=None,
        lifespan=_close_on_shutdown,
    )
    app.state.context, app.state.access = context, access
    app.state.health = create_health_checks(context)
    app.state.registry = create_metrics_registry(context, app.state.health)
    for module in (symbols, markets, pipeline, control, backfills, health):
        app.include_router(module.router)
    app.include_router(get_analytics_router())
    add_error_handlers(app)
    _install_middleware(app, cors_origins, requests_per_minute)
    app.openapi_schema = _describe_routes(app)
    # Outside of FastAPI, whose response to an unexpected error passes no middleware.
    return RequestGuardMiddleware(app, guard or _DEFAULT_POLICY)


def _describe_routes(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, which the first request would wait for half a second otherwise.

    Apps with the same providers have the same routes and share it.
    """
    providers = tuple(provider.function for provider in find_providers().values())
    if providers not in _documents:
        _documents[providers] = app.openapi()
    return _documents[providers]


def _install_middleware(
    app: FastAPI, cors_origins: Sequence[str], requests_per_minute: int
) -> None:
    """Add the middleware; the one added last runs first."""
    app.add_middleware(HeadAsGetMiddleware)
    if app.state.context.reports.has_replica:
        app.state.replica_lag = ReplicaLag(app.state.context.reports)
        app.add_middleware(ReplicaLagMiddleware, lag=app.state.replica_lag)
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(AccessMiddleware, access=app.state.access, open_paths=HEALTH_PATHS)
    if requests_per_minute:
        app.add_middleware(RateLimitMiddleware, allowance=RequestAllowance(requests_per_minute))
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(cors_origins),
        allow_methods=["GET"],
        expose_headers=["ETag", "Link", "Retry-After", REPLICA_LAG_HEADER],
    )
    app.add_middleware(RequestMetricsMiddleware, registry=app.state.registry)


@asynccontextmanager
async def _close_on_shutdown(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.health.close()
    if replica_lag := getattr(app.state, "replica_lag", None):
        replica_lag.close()
    app.state.context.reports.close()
    app.state.context.pipeline.warehouse.close()

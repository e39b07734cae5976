"""The API put together: routes under /api, health at the root, and what stands before them all."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from crypto_assets.api.access import AccessPolicy
from crypto_assets.api.body_limit import BodyLimitMiddleware
from crypto_assets.api.dependencies import ApiContext
from crypto_assets.api.error_handlers import add_error_handlers
from crypto_assets.api.head_requests import HeadAsGetMiddleware
from crypto_assets.api.health_checks import create_health_checks
from crypto_assets.api.metrics import create_metrics_registry
from crypto_assets.api.rate_limit import RateLimitMiddleware, RequestAllowance
from crypto_assets.api.request_metrics import RequestMetricsMiddleware
from crypto_assets.api.routes import backfills, control, health, markets, pipeline, symbols
from crypto_assets.api.routes.analytics import create_analytics_router

REQUESTS_PER_MINUTE = 600

_DESCRIPTION = """\
Candles, indicators and order books as they stand in the warehouse, and the pipeline's controls.

Times are epoch milliseconds, UTC, and ISO 8601 beside them in series. Prices and volumes of candles
are decimal text; indicators are numbers, null where there is no value. Reading is open; writing
needs `Authorization: Bearer`.
"""


def create_app(
    parts: ApiContext,
    access: AccessPolicy,
    cors_origins: Sequence[str] = (),
    requests_per_minute: int = REQUESTS_PER_MINUTE,
) -> FastAPI:
    """An app that takes over `parts` and closes the warehouse's connections when it stops.

    Pages of `cors_origins` may read. Each client may ask so often; 0 lets it ask without end.
    """
    app = FastAPIOffline(
        title="crypto-assets",
        version=version("crypto-assets"),
        description=_DESCRIPTION,
        redoc_url=None,
        lifespan=_close_on_shutdown,
    )
    app.state.parts, app.state.access = parts, access
    app.state.health = create_health_checks(parts)
    app.state.registry = create_metrics_registry(parts, app.state.health)
    routers = (symbols, markets, pipeline, control, backfills, health)
    for router in (*(module.router for module in routers), create_analytics_router()):
        app.include_router(router)
    add_error_handlers(app)
    _install_middleware(app, cors_origins, requests_per_minute)
    app.openapi()  # half a second that the first to ask need not wait: requests are held to it
    return app


def _install_middleware(
    app: FastAPI, cors_origins: Sequence[str], requests_per_minute: int
) -> None:
    """Middleware, the last one added being the outermost."""
    app.add_middleware(HeadAsGetMiddleware)
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    if requests_per_minute:
        app.add_middleware(RateLimitMiddleware, allowance=RequestAllowance(requests_per_minute))
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(cors_origins),
        allow_methods=["GET"],
        expose_headers=["ETag", "Link", "Retry-After"],
    )
    app.add_middleware(RequestMetricsMiddleware, registry=app.state.registry)


@asynccontextmanager
async def _close_on_shutdown(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.health.close()
    app.state.parts.reports.close()

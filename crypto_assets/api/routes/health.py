"""Health checks and Prometheus metrics, at the root."""

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from crypto_assets.access import get_caller
from crypto_assets.api.error_handlers import Problem

router = APIRouter(tags=["health"])

# Open to everyone, since probes of a container or a load balancer have no token.
HEALTH_PATHS = ("/health", "/health/live")
_HIDDEN_DETAIL = "fails: the operator sees the reason"
_TOKEN_RESPONSES: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The token is wrong."},
    429: {"model": Problem, "description": "Too many wrong tokens, or too many requests."},
}


class Live(BaseModel):
    status: str = "ok"


class PartHealth(BaseModel):
    ok: bool
    detail: str | None = Field(
        description="The problem, and for the operator how to fix it; null if the component works."
    )


class HealthView(BaseModel):
    status: str = Field(description="ok, or failing if a component fails.")
    warehouse: PartHealth
    lake: PartHealth
    dagster: PartHealth


@router.get("/health/live", responses=_TOKEN_RESPONSES)
async def read_live() -> Live:
    """Return ok as long as the API serves requests."""
    # Not in a thread: all threads may be busy with large requests.
    return Live()


@router.get(
    "/health",
    responses={
        503: {"model": HealthView, "description": "A component fails."},
        **_TOKEN_RESPONSES,
    },
)
def read_health(request: Request, response: Response) -> HealthView:
    """Return the state of each component, at most a few seconds old."""
    # The reasons contain host names, users and paths.
    shows_reasons = get_caller(request.scope).is_operator
    failures = request.app.state.health.check_all()
    if any(failures.values()):
        response.status_code = 503
    components = {
        name: PartHealth(
            ok=failure is None,
            detail=failure if failure is None or shows_reasons else _HIDDEN_DETAIL,
        )
        for name, failure in failures.items()
    }
    return HealthView(status="failing" if any(failures.values()) else "ok", **components)


@router.get("/metrics", response_class=Response, responses=_TOKEN_RESPONSES)
def read_metrics(request: Request) -> Response:
    """Return metrics in the text format of Prometheus."""
    text = generate_latest(request.app.state.registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)

"""Health checks and Prometheus metrics, at the root."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

router = APIRouter(tags=["health"])


class Live(BaseModel):
    status: str = "ok"


class PartHealth(BaseModel):
    ok: bool
    detail: str | None = Field(
        description="The problem and how to fix it; null if the component works."
    )


class HealthView(BaseModel):
    status: str = Field(description="ok, or failing if a component fails.")
    warehouse: PartHealth
    lake: PartHealth
    dagster: PartHealth


@router.get("/health/live")
def read_live() -> Live:
    """Return ok as long as the API serves requests."""
    return Live()


@router.get("/health", responses={503: {"model": HealthView, "description": "A component fails."}})
def read_health(request: Request, response: Response) -> HealthView:
    """Return the state of each component, at most a few seconds old."""
    failures = request.app.state.health.check_all()
    if any(failures.values()):
        response.status_code = 503
    components = {
        name: PartHealth(ok=failure is None, detail=failure) for name, failure in failures.items()
    }
    return HealthView(status="failing" if any(failures.values()) else "ok", **components)


@router.get("/metrics", response_class=Response)
def read_metrics(request: Request) -> Response:
    """Return metrics in the text format of Prometheus."""
    text = generate_latest(request.app.state.registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)

"""At the root: whether it serves, whether its parts work, and figures for Prometheus."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

router = APIRouter(tags=["health"])


class Live(BaseModel):
    status: str = "ok"


class PartHealth(BaseModel):
    ok: bool
    detail: str | None = Field(description="What is wrong and what to do.")


class HealthView(BaseModel):
    status: str = Field(description="ok, or failing if a part is.")
    warehouse: PartHealth
    lake: PartHealth
    dagster: PartHealth


@router.get("/health/live")
def read_live() -> Live:
    """It serves."""
    return Live()


@router.get("/health", responses={503: {"model": HealthView, "description": "A part fails."}})
def read_health(request: Request, response: Response) -> HealthView:
    """Each part, asked a few seconds ago at most."""
    complaints = request.app.state.health.check_all()
    if any(complaints.values()):
        response.status_code = 503
    parts = {
        part: PartHealth(ok=complaint is None, detail=complaint)
        for part, complaint in complaints.items()
    }
    return HealthView(status="failing" if any(complaints.values()) else "ok", **parts)


@router.get("/metrics", response_class=Response)
def read_metrics(request: Request) -> Response:
    """In Prometheus' text format."""
    text = generate_latest(request.app.state.registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)

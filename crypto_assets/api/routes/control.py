"""Schedules, sensors and maintenance tasks, through Dagster."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from crypto_assets.api.access import AuthorDep
from crypto_assets.api.dependencies import ContextDep, OrchestratorDep
from crypto_assets.api.routes.router import WRITE_ROUTE_OPTIONS, create_api_router
from crypto_assets.api.views.base import Answer
from crypto_assets.api.views.control import InstigatorView, LaunchedView, RunView
from crypto_assets.orchestrator import Kind
from crypto_assets.pipeline.control import admin

DagsterName = Annotated[str, Path(max_length=200, description="Name in Dagster.")]


class Switch(BaseModel):
    running: bool = Field(strict=True, description="True to start, false to stop.")


def _add_instigator_routes(router: APIRouter, kind: Kind) -> None:
    path = f"/{kind}s"

    @router.get(path, name=f"read_{kind}s", summary=f"List {kind}s")
    def read_instigators(orchestrator: OrchestratorDep) -> Answer[list[InstigatorView]]:
        """List by name, with state, last tick and next tick."""
        instigators = orchestrator.list_instigators(kind)
        return Answer(data=[InstigatorView.model_validate(item) for item in instigators])

    @router.put(
        f"{path}/{{name}}",
        name=f"switch_{kind}",
        summary=f"Start or stop a {kind}",
        **WRITE_ROUTE_OPTIONS,
    )
    def switch_instigator(
        name: DagsterName, body: Switch, context: ContextDep, author: AuthorDep
    ) -> Answer[InstigatorView]:
        """Start or stop it, and return its new state."""
        instigator = admin.set_instigator_running(
            context.pipeline, context.orchestrator, kind, name, body.running, author
        )
        return Answer(data=InstigatorView.model_validate(instigator))

    @router.post(
        f"{path}/{{name}}/run",
        name=f"run_{kind}",
        summary=f"Run a {kind} now",
        status_code=202,
        **WRITE_ROUTE_OPTIONS,
    )
    def run_instigator(
        name: DagsterName, context: ContextDep, author: AuthorDep
    ) -> Answer[LaunchedView]:
        """Run the next tick now."""
        launched = admin.trigger_instigator(
            context.pipeline, context.orchestrator, kind, name, author
        )
        return Answer(data=LaunchedView.model_validate(launched))


router = create_api_router("control")
for _kind in Kind:
    _add_instigator_routes(router, _kind)


@router.post("/maintenance/{task}", status_code=202, **WRITE_ROUTE_OPTIONS)
def run_maintenance(task: DagsterName, context: ContextDep, author: AuthorDep) -> Answer[RunView]:
    """Materialize an asset of Dagster's group `maintenance`. An error lists the known assets."""
    run_id = admin.trigger_maintenance(context.pipeline, context.orchestrator, task, author)
    return Answer(data=RunView(run_id=run_id))

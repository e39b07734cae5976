"""Schedules, sensors and maintenance, through Dagster."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from crypto_assets.api.dependencies import ContextDep, OrchestratorDep
from crypto_assets.api.routes.router import API_ACTOR, WRITE_ROUTE_OPTIONS, create_api_router
from crypto_assets.api.views.base import Answer
from crypto_assets.api.views.control import InstigatorView, LaunchedView, RunView
from crypto_assets.orchestrator import Kind
from crypto_assets.pipeline.control import admin

DagsterName = Annotated[str, Path(max_length=200, description="Its name in Dagster.")]


class Switch(BaseModel):
    running: bool = Field(strict=True, description="Whether it is to run.")


def _add_instigator_routes(router: APIRouter, kind: Kind) -> None:
    path = f"/{kind}s"

    @router.get(path, name=f"read_{kind}s")
    def read_instigators(orchestrator: OrchestratorDep) -> Answer[list[InstigatorView]]:
        """By name: whether they run, their last tick and the next."""
        found = orchestrator.list_instigators(kind)
        return Answer(data=[InstigatorView.model_validate(each) for each in found])

    @router.put(f"{path}/{{name}}", name=f"switch_{kind}", **WRITE_ROUTE_OPTIONS)
    def switch_instigator(
        name: DagsterName, switch: Switch, parts: ContextDep
    ) -> Answer[InstigatorView]:
        """Start or stop it; answers how it then stands."""
        found = admin.set_instigator_running(
            parts.platform, parts.orchestrator, kind, name, switch.running, API_ACTOR
        )
        return Answer(data=InstigatorView.model_validate(found))

    @router.post(f"{path}/{{name}}/run", name=f"run_{kind}", status_code=202, **WRITE_ROUTE_OPTIONS)
    def run_instigator(name: DagsterName, parts: ContextDep) -> Answer[LaunchedView]:
        """Do now what its next tick would do."""
        launched = admin.trigger_instigator(
            parts.platform, parts.orchestrator, kind, name, API_ACTOR
        )
        return Answer(data=LaunchedView.model_validate(launched))


router = create_api_router("control")
for _kind in Kind:
    _add_instigator_routes(router, _kind)


@router.post("/maintenance/{task}", status_code=202, **WRITE_ROUTE_OPTIONS)
def run_maintenance(task: DagsterName, orchestrator: OrchestratorDep) -> Answer[RunView]:
    """Launch an asset of Dagster's group `maintenance`; an unknown one is told which there are."""
    return Answer(data=RunView(run_id=orchestrator.run_maintenance(task)))

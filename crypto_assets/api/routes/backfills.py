"""Backfills: asked for, watched, called off."""

from datetime import date
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from crypto_assets.api.parts import OrchestratorDep, PartsDep
from crypto_assets.api.routes.router import WRITES, api_router
from crypto_assets.api.views.base import Answer
from crypto_assets.api.views.control import BackfillView, LaunchedBackfillView
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.backfill import launch_backfill, plan_backfill

router = api_router("backfills")

Id = Annotated[str, Path(max_length=100, description="As POST answered it.")]


class BackfillWish(BaseModel):
    """UTC days, both inclusive; in month mode they widen to whole months."""

    symbols: list[str] | None = Field(
        None, max_length=1000, description="Tracked ones; all of them if left."
    )
    first: date = Field(alias="from")
    last: date = Field(alias="to")


@router.post("/backfills", status_code=202, **WRITES)
def launch(wish: BackfillWish, parts: PartsDep) -> Answer[LaunchedBackfillView]:
    """Have Dagster bring whole days from the exchange to daily candles."""
    wanted = plan_backfill(parts.platform, parts.partitioning, wish.symbols, wish.first, wish.last)
    launched = launch_backfill(parts.orchestrator, wanted)
    return Answer(
        data=LaunchedBackfillView(id=launched, title=wanted.title, partitions=len(wanted.keys))
    )


@router.get("/backfills/{id}")
def read(id: Id, orchestrator: OrchestratorDep) -> Answer[BackfillView]:
    """How far it is."""
    return _answer(id, orchestrator)


@router.delete("/backfills/{id}", **WRITES)
def cancel(id: Id, orchestrator: OrchestratorDep) -> Answer[BackfillView]:
    """Call it off: what is loaded stays. One that has ended stays as it is."""
    orchestrator.cancel_backfill(id)
    return _answer(id, orchestrator)


def _answer(backfill_id: str, orchestrator: Orchestrator) -> Answer[BackfillView]:
    return Answer(data=BackfillView.model_validate(orchestrator.backfill(backfill_id)))

"""Backfills: asked for, watched, called off."""

from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, BaseModel, Field

from crypto_assets.api.dependencies import OrchestratorDep, PartsDep
from crypto_assets.api.parameters import Day
from crypto_assets.api.routes.router import THE_API, WRITES, api_router
from crypto_assets.api.views.base import Answer
from crypto_assets.api.views.control import BackfillView, LaunchedBackfillView
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.control.admin import cancel_backfill, start_backfill
from crypto_assets.pipeline.control.backfill import plan_backfill

router = api_router("backfills")

Id = Annotated[str, Path(max_length=100, description="As POST answered it.")]


def _some(symbols: list[str]) -> list[str]:
    if not symbols:
        raise ValueError("name one at least, or leave symbols out for all that are tracked")
    return symbols


_Symbols = Annotated[list[str], AfterValidator(_some), Field(json_schema_extra={"minItems": 1})]


class BackfillWish(BaseModel):
    """UTC days, both inclusive; in month mode they widen to whole months."""

    symbols: _Symbols | None = Field(
        None, max_length=1000, description="Tracked ones, one at least; all of them if left."
    )
    first: Day = Field(alias="from")
    last: Day = Field(alias="to")


@router.post("/backfills", status_code=202, **WRITES)
def launch(wish: BackfillWish, parts: PartsDep) -> Answer[LaunchedBackfillView]:
    """Have Dagster bring whole days from the exchange to daily candles."""
    wanted = plan_backfill(parts.platform, parts.partitioning, wish.symbols, wish.first, wish.last)
    launched = start_backfill(parts.platform, parts.orchestrator, wanted, THE_API)
    return Answer(
        data=LaunchedBackfillView(
            id=launched, title=wanted.title, partitions=len(wanted.partition_keys)
        )
    )


@router.get("/backfills/{id}")
def read(id: Id, orchestrator: OrchestratorDep) -> Answer[BackfillView]:
    """How far it is."""
    return _answer(id, orchestrator)


@router.delete("/backfills/{id}", **WRITES)
def cancel(id: Id, parts: PartsDep) -> Answer[BackfillView]:
    """Call it off: what is loaded stays. One that has ended stays as it is."""
    cancel_backfill(parts.platform, parts.orchestrator, id, THE_API)
    return _answer(id, parts.orchestrator)


def _answer(backfill_id: str, orchestrator: Orchestrator) -> Answer[BackfillView]:
    return Answer(data=BackfillView.model_validate(orchestrator.get_backfill(backfill_id)))

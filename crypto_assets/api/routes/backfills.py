"""Backfills: asked for, watched, called off."""

from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, BaseModel, Field

from crypto_assets.api.dependencies import ContextDep, OrchestratorDep
from crypto_assets.api.parameters import DayInput
from crypto_assets.api.routes.router import API_ACTOR, WRITE_ROUTE_OPTIONS, create_api_router
from crypto_assets.api.views.base import Answer
from crypto_assets.api.views.control import BackfillView, LaunchedBackfillView
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.control.admin import cancel_backfill, start_backfill
from crypto_assets.pipeline.control.backfill import plan_backfill

router = create_api_router("backfills")

BackfillId = Annotated[str, Path(max_length=100, description="As POST answered it.")]


def _require_one_symbol(symbols: list[str]) -> list[str]:
    if not symbols:
        raise ValueError("name one at least, or leave symbols out for all that are tracked")
    return symbols


_SymbolList = Annotated[
    list[str], AfterValidator(_require_one_symbol), Field(json_schema_extra={"minItems": 1})
]


class BackfillWish(BaseModel):
    """UTC days, both inclusive; in month mode they widen to whole months."""

    symbols: _SymbolList | None = Field(
        None, max_length=1000, description="Tracked ones, one at least; all of them if left."
    )
    first: DayInput = Field(alias="from")
    last: DayInput = Field(alias="to")


@router.post("/backfills", status_code=202, **WRITE_ROUTE_OPTIONS)
def launch(wish: BackfillWish, parts: ContextDep) -> Answer[LaunchedBackfillView]:
    """Have Dagster bring whole days from the exchange to daily candles."""
    wanted = plan_backfill(parts.platform, parts.partitioning, wish.symbols, wish.first, wish.last)
    launched = start_backfill(parts.platform, parts.orchestrator, wanted, API_ACTOR)
    return Answer(
        data=LaunchedBackfillView(
            id=launched, title=wanted.title, partitions=len(wanted.partition_keys)
        )
    )


@router.get("/backfills/{id}")
def read(id: BackfillId, orchestrator: OrchestratorDep) -> Answer[BackfillView]:
    """How far it is."""
    return _build_backfill_answer(id, orchestrator)


@router.delete("/backfills/{id}", **WRITE_ROUTE_OPTIONS)
def cancel(id: BackfillId, parts: ContextDep) -> Answer[BackfillView]:
    """Call it off: what is loaded stays. One that has ended stays as it is."""
    cancel_backfill(parts.platform, parts.orchestrator, id, API_ACTOR)
    return _build_backfill_answer(id, parts.orchestrator)


def _build_backfill_answer(backfill_id: str, orchestrator: Orchestrator) -> Answer[BackfillView]:
    return Answer(data=BackfillView.model_validate(orchestrator.get_backfill(backfill_id)))

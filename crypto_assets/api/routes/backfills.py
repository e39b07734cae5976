"""Backfills: start, show and cancel."""

from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, BaseModel, Field

from crypto_assets.api.access import AuthorDep
from crypto_assets.api.dependencies import ContextDep, OrchestratorDep
from crypto_assets.api.parameters import DayInput
from crypto_assets.api.routes.router import WRITE_ROUTE_OPTIONS, create_api_router
from crypto_assets.api.views.base import Answer
from crypto_assets.api.views.control import BackfillView, LaunchedBackfillView
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.control.admin import cancel_backfill, start_backfill
from crypto_assets.pipeline.control.backfill import plan_backfill

router = create_api_router("backfills")

BackfillId = Annotated[str, Path(max_length=100, description="Id that the POST request returned.")]


def _require_one_symbol(symbols: list[str]) -> list[str]:
    if not symbols:
        raise ValueError("name at least one, or leave symbols out for all tracked symbols")
    return symbols


_SymbolList = Annotated[
    list[str], AfterValidator(_require_one_symbol), Field(json_schema_extra={"minItems": 1})
]


class BackfillWish(BaseModel):
    """UTC days, both inclusive; with monthly partitions the range widens to whole months."""

    symbols: _SymbolList | None = Field(
        None, max_length=1000, description="Tracked symbols, at least one. Default: all."
    )
    first: DayInput = Field(alias="from", description="First UTC day, such as 2025-01-31.")
    last: DayInput = Field(alias="to", description="Last UTC day, such as 2025-01-31.")


# The route names are part of the operation ids.
@router.post(
    "/backfills",
    name="launch",
    summary="Start a backfill",
    status_code=202,
    **WRITE_ROUTE_OPTIONS,
)
def post_backfill(
    body: BackfillWish, context: ContextDep, author: AuthorDep
) -> Answer[LaunchedBackfillView]:
    """Start a Dagster backfill that fetches, loads and aggregates whole days."""
    plan = plan_backfill(
        context.pipeline, context.partitioning, body.symbols, body.first, body.last
    )
    backfill_id = start_backfill(context.pipeline, context.orchestrator, plan, author)
    return Answer(
        data=LaunchedBackfillView(
            id=backfill_id, title=plan.title, partitions=len(plan.partition_keys)
        )
    )


@router.get("/backfills/{id}", name="read", summary="Show a backfill")
def read_backfill(id: BackfillId, orchestrator: OrchestratorDep) -> Answer[BackfillView]:
    """Return the progress of a backfill."""
    return _build_backfill_answer(id, orchestrator)


@router.delete("/backfills/{id}", name="cancel", summary="Cancel a backfill", **WRITE_ROUTE_OPTIONS)
def delete_backfill(id: BackfillId, context: ContextDep, author: AuthorDep) -> Answer[BackfillView]:
    """Cancel a backfill. Loaded data is kept. A backfill that has ended does not change."""
    cancel_backfill(context.pipeline, context.orchestrator, id, author)
    return _build_backfill_answer(id, context.orchestrator)


def _build_backfill_answer(backfill_id: str, orchestrator: Orchestrator) -> Answer[BackfillView]:
    return Answer(data=BackfillView.model_validate(orchestrator.get_backfill(backfill_id)))

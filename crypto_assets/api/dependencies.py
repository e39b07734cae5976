"""What routes depend on, and how FastAPI provides it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request

from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.backfill import Partitioning
from crypto_assets.reports import Reports


@dataclass(frozen=True)
class ApiContext:
    """What the routes use; `partitioning` is how Dagster partitions the days of a backfill.

    `metrics_folder` has the figures of all processes, for /metrics.
    """

    pipeline: PipelineContext
    reports: Reports
    orchestrator: Orchestrator
    partitioning: Partitioning
    metrics_folder: Path | None = None


# Coroutines, because FastAPI runs each plain function in a thread.
async def _get_context(request: Request) -> ApiContext:
    return cast(ApiContext, request.app.state.context)


async def _get_reports(request: Request) -> Reports:
    return (await _get_context(request)).reports


async def _get_orchestrator(request: Request) -> Orchestrator:
    return (await _get_context(request)).orchestrator


ContextDep = Annotated[ApiContext, Depends(_get_context)]
ReportsDep = Annotated[Reports, Depends(_get_reports)]
OrchestratorDep = Annotated[Orchestrator, Depends(_get_orchestrator)]

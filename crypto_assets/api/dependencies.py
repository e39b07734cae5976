"""What the routes work with, and how a route gets at it."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.backfill import Partitioning
from crypto_assets.reports import Reports


@dataclass(frozen=True)
class ApiContext:
    """`partitioning` says what a backfill's days mean to Dagster."""

    platform: PipelineContext
    reports: Reports
    orchestrator: Orchestrator
    partitioning: Partitioning


# Coroutines, for FastAPI gives each plain function a thread.
async def _get_context(request: Request) -> ApiContext:
    return cast(ApiContext, request.app.state.parts)


async def _get_reports(request: Request) -> Reports:
    return (await _get_context(request)).reports


async def _get_orchestrator(request: Request) -> Orchestrator:
    return (await _get_context(request)).orchestrator


ContextDep = Annotated[ApiContext, Depends(_get_context)]
ReportsDep = Annotated[Reports, Depends(_get_reports)]
OrchestratorDep = Annotated[Orchestrator, Depends(_get_orchestrator)]

"""What the routes work with, and how a route gets at it."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.backfill import Partitioning
from crypto_assets.reports import Reports


@dataclass(frozen=True)
class Parts:
    """`partitioning` says what a backfill's days mean to Dagster."""

    platform: PipelineContext
    reports: Reports
    orchestrator: Orchestrator
    partitioning: Partitioning


# Coroutines, for FastAPI gives each plain function a thread.
async def _parts(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


async def _reports(request: Request) -> Reports:
    return (await _parts(request)).reports


async def _orchestrator(request: Request) -> Orchestrator:
    return (await _parts(request)).orchestrator


PartsDep = Annotated[Parts, Depends(_parts)]
ReportsDep = Annotated[Reports, Depends(_reports)]
OrchestratorDep = Annotated[Orchestrator, Depends(_orchestrator)]

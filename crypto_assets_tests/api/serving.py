"""Serve the API in a thread over a warehouse, with a client for it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import requests
from pydantic import SecretStr

from crypto_assets.access import AccessControl
from crypto_assets.api import ApiContext, create_app
from crypto_assets.exchange import open_exchange
from crypto_assets.http_server import serve_in_thread
from crypto_assets.lake import open_lake
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.backfill import Partitioning
from crypto_assets.reports import Reports
from crypto_assets.settings import PartitionUnit
from crypto_assets.warehouse import Warehouse

# An address without a server.
NOWHERE = "http://127.0.0.1:9"
TOKEN = "correct-horse-battery-staple"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Api:
    """A running API."""

    url: str

    def get(self, path: str, headers: Mapping[str, str] | None = None, **query: Any) -> Any:
        """Return the response."""
        return requests.get(f"{self.url}{path}", params=query, headers=headers, timeout=30)

    def read(self, path: str, **query: Any) -> Any:
        """Return the JSON of a successful response."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(
        self,
        method: str,
        path: str,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send a write, with the token unless other headers are given."""
        given = BEARER if headers is None else headers
        return requests.request(method, f"{self.url}{path}", json=json, headers=given, timeout=60)


def create_context(
    warehouse: Warehouse,
    folder: Path,
    exchange_url: str = NOWHERE,
    dagster_url: str = NOWHERE,
    reports: Reports | None = None,
) -> ApiContext:
    """A context with lakes in a folder, and an exchange and a Dagster that may not exist."""
    pipeline = PipelineContext(
        exchange=open_exchange(exchange_url, exchange_url),
        raw_lake=open_lake(str(folder / "raw")),
        archive_lake=open_lake(str(folder / "archive")),
        warehouse=warehouse,
        settle_ms=5_000,
        order_book_levels=20,
        default_ingest_minutes=1,
        default_order_book_minutes=5,
    )
    pipeline.raw_lake.create_storage()
    pipeline.archive_lake.create_storage()
    return ApiContext(
        pipeline=pipeline,
        reports=reports or Reports(warehouse),
        orchestrator=Orchestrator(dagster_url, token=SecretStr(TOKEN)),
        partitioning=Partitioning(PartitionUnit.DAY, date(2025, 1, 1)),
    )


@contextmanager
def serve_api(
    context: ApiContext,
    access: AccessControl | None = None,
    cors_origins: tuple[str, ...] = (),
    rate: int = 0,
) -> Iterator[Api]:
    """Serve until the `with` block ends; writes need TOKEN unless `access` is given."""
    access = access or AccessControl(SecretStr(TOKEN))
    with serve_in_thread(create_app(context, access, cors_origins, rate)) as url:
        yield Api(url)

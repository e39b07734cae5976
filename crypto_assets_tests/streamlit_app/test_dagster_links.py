"""Links to Dagster use the URL for browsers, not the URL for programs."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from crypto_assets_tests.services.scripted import Answer, Request, scripted
from crypto_assets_tests.streamlit_app.conftest import RunApp

RUN: dict[str, Any] = {
    "runId": "r1",
    "jobName": "ingest",
    "status": "SUCCESS",
    "creationTime": 1.0,
    "startTime": 2.0,
    "endTime": 3.0,
    "assetSelection": [],
    "tags": [],
}
CHECK_RESULT = {
    "runId": "r1",
    "status": "SUCCEEDED",
    "timestamp": 1.0,
    "partition": None,
    "evaluation": None,
}
CHECKS = {"checks": [{"name": "ohlc_sane", "description": None}]}
# By a field of the query.
RESPONSES = {
    "runsOrError": {"runsOrError": {"__typename": "Runs", "results": [RUN]}},
    "repositoriesOrError": {
        "repositoriesOrError": {
            "__typename": "RepositoryConnection",
            "nodes": [{"jobs": [{"name": "ingest"}]}],
        }
    },
    "assetNodes": {
        "assetNodes": [{"assetKey": {"path": ["fact_klines"]}, "assetChecksOrError": CHECKS}]
    },
    "assetCheckExecutions": {"assetCheckExecutions": [CHECK_RESULT]},
}


def respond(request: Request) -> Answer:
    query = orjson.loads(request.body)["query"]
    data = next((data for field, data in RESPONSES.items() if field in query), {})
    return Answer(200, orjson.dumps({"data": data}), {"Content-Type": "application/json"})


@pytest.mark.parametrize(
    ("page", "part"),
    [("pipeline", "Runs"), ("quality", "Checks")],
)
def test_run_links_use_the_link_url(
    run_app: RunApp,
    stocked_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    page: str,
    part: str,
) -> None:
    monkeypatch.setenv("CRYPTO_DAGSTER_LINK_URL", "https://dagster.example/")
    with scripted(respond) as dagster:
        monkeypatch.setenv("CRYPTO_DAGSTER_URL", dagster.url)
        app = run_app(stocked_home, f"app_pages/{page}.py", part=part)
    assert not app.exception
    (table,) = app.dataframe
    assert list(table.value["page"]) == ["https://dagster.example/runs/r1"]

"""Asset checks and their latest evaluations, one per partition."""

from dataclasses import dataclass

from crypto_assets.orchestrator.webserver_client import (
    GraphQLObject,
    WebserverClient,
    epoch_seconds_to_ms,
)

_CHECKS_QUERY = """
query {
  assetNodes {
    assetKey { path }
    assetChecksOrError { ... on AssetChecks { checks { name description } } }
  }
}
"""
_STATES_QUERY = """
query {
  assetNodes {
    assetKey { path }
    assetChecksOrError {
      ... on AssetChecks { checks { name executionForLatestMaterialization { status } } }
    }
  }
}
"""
_EXECUTIONS_QUERY = """
query ($asset: AssetKeyInput!, $check: String!, $limit: Int!) {
  assetCheckExecutions(assetKey: $asset, checkName: $check, limit: $limit) {
    runId status timestamp partition
    evaluation { success description partition timestamp }
  }
}
"""


@dataclass(frozen=True)
class CheckExecution:
    """The evaluation of one partition; `evaluated_at` in epoch ms.

    `passed` is None while the check runs and if it did not finish.
    """

    partition: str | None
    passed: bool | None
    description: str
    evaluated_at: int
    run_id: str


@dataclass(frozen=True)
class AssetCheck:
    """An asset check and its latest executions, newest first."""

    asset: str
    name: str
    description: str
    executions: tuple[CheckExecution, ...]


def fetch_asset_checks(webserver: WebserverClient, limit: int) -> list[AssetCheck]:
    """Fetch every check with its last `limit` executions, sorted by asset and check name."""
    nodes = webserver.run_query(_CHECKS_QUERY)["assetNodes"]
    return [
        AssetCheck(asset, name, description or "", _fetch_executions(webserver, asset, name, limit))
        for asset, name, description in sorted(
            ("/".join(node["assetKey"]["path"]), check["name"], check["description"])
            for node in nodes
            for check in (node["assetChecksOrError"] or {}).get("checks", ())
        )
    ]


def fetch_check_states(webserver: WebserverClient) -> dict[tuple[str, str], bool]:
    """Fetch whether each check passed on its asset's last materialization, by asset and name."""
    return {
        ("/".join(node["assetKey"]["path"]), check["name"]): execution["status"] == "SUCCEEDED"
        for node in webserver.run_query(_STATES_QUERY)["assetNodes"]
        for check in node["assetChecksOrError"].get("checks", ())
        if (execution := check["executionForLatestMaterialization"])
    }


def _fetch_executions(
    webserver: WebserverClient, asset: str, check: str, limit: int
) -> tuple[CheckExecution, ...]:
    key = {"path": asset.split("/")}
    result = webserver.run_query(_EXECUTIONS_QUERY, asset=key, check=check, limit=limit)
    return tuple(_parse_execution(execution) for execution in result["assetCheckExecutions"])


def _parse_execution(execution: GraphQLObject) -> CheckExecution:
    evaluation = execution["evaluation"] or {}
    return CheckExecution(
        partition=execution["partition"] or evaluation.get("partition"),
        passed=evaluation.get("success"),
        description=evaluation.get("description") or execution["status"].replace("_", " ").lower(),
        evaluated_at=epoch_seconds_to_ms(evaluation.get("timestamp") or execution["timestamp"]),
        run_id=execution["runId"],
    )

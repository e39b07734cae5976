"""Asset checks: what each verifies, and its last verdicts, one a partition."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crypto_assets.orchestrator.webserver_client import Webserver

_LIST = """
query {
  assetNodes {
    assetKey { path }
    assetChecksOrError { ... on AssetChecks { checks { name description } } }
  }
}
"""
_VERDICTS = """
query ($asset: AssetKeyInput!, $check: String!, $limit: Int!) {
  assetCheckExecutions(assetKey: $asset, checkName: $check, limit: $limit) {
    runId status timestamp partition
    evaluation { success description partition timestamp }
  }
}
"""


@dataclass(frozen=True)
class Verdict:
    """How one partition was judged, when (epoch ms), and what was said; `passed` is None while the
    check runs, and where it broke off."""

    partition: str | None
    passed: bool | None
    said: str
    at: int
    run_id: str


@dataclass(frozen=True)
class AssetCheck:
    """A check and its last verdicts, newest first."""

    asset: str
    name: str
    description: str
    verdicts: tuple[Verdict, ...]


def read_all(webserver: Webserver, limit: int) -> list[AssetCheck]:
    """Every check, in the order of the assets' and the checks' names."""
    nodes = webserver.ask(_LIST)["assetNodes"]
    return [
        AssetCheck(asset, name, description or "", _verdicts(webserver, asset, name, limit))
        for asset, name, description in sorted(
            ("/".join(node["assetKey"]["path"]), check["name"], check["description"])
            for node in nodes
            for check in (node["assetChecksOrError"] or {}).get("checks", ())
        )
    ]


def _verdicts(webserver: Webserver, asset: str, check: str, limit: int) -> tuple[Verdict, ...]:
    key = {"path": asset.split("/")}
    found = webserver.ask(_VERDICTS, asset=key, check=check, limit=limit)
    return tuple(_verdict(each) for each in found["assetCheckExecutions"])


def _verdict(found: Mapping[str, Any]) -> Verdict:
    evaluation = found["evaluation"] or {}
    return Verdict(
        partition=found["partition"] or evaluation.get("partition"),
        passed=evaluation.get("success"),
        said=evaluation.get("description") or found["status"].replace("_", " ").lower(),
        at=round((evaluation.get("timestamp") or found["timestamp"]) * 1000),
        run_id=found["runId"],
    )

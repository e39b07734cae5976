"""Dagster's repository: the definitions that its webserver has loaded."""

from dataclasses import dataclass

from crypto_assets.errors import OrchestratorError
from crypto_assets.orchestrator.webserver_client import WebserverClient

_REPOSITORIES_QUERY = """
query {
  repositoriesOrError {
    __typename
    ... on RepositoryConnection { nodes { name location { name } } }
    ... on Error { message }
  }
}
"""


@dataclass(frozen=True)
class Repository:
    """How Dagster addresses it."""

    name: str
    location: str

    @property
    def selector(self) -> dict[str, str]:
        return {"repositoryName": self.name, "repositoryLocationName": self.location}


def find_loaded_repository(webserver: WebserverClient) -> Repository:
    """The first one loaded; ours is the only one of our workspace.yaml."""
    answer = webserver.run_query(_REPOSITORIES_QUERY)["repositoriesOrError"]
    nodes = webserver.require_type(answer, "RepositoryConnection")["nodes"]
    if not nodes:
        raise OrchestratorError(
            f"Dagster at {webserver.url} has not loaded the code: its page /deployment says why"
        )
    return Repository(nodes[0]["name"], nodes[0]["location"]["name"])

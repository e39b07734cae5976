"""The repository (Dagster's term for a set of definitions) that the webserver has loaded."""

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
    """The names by which Dagster's API addresses a repository."""

    name: str
    location: str

    @property
    def selector(self) -> dict[str, str]:
        return {"repositoryName": self.name, "repositoryLocationName": self.location}


def find_loaded_repository(webserver: WebserverClient) -> Repository:
    """Return the first repository; workspace.yaml has only one code location."""
    result = webserver.run_query(_REPOSITORIES_QUERY)["repositoriesOrError"]
    nodes = webserver.require_type(result, "RepositoryConnection")["nodes"]
    if not nodes:
        raise OrchestratorError(
            f"Dagster at {webserver.url} has not loaded the code location: "
            f"see {webserver.url}/deployment"
        )
    return Repository(nodes[0]["name"], nodes[0]["location"]["name"])

"""Keys of dynamic partitions definitions."""

from collections.abc import Iterable

from crypto_assets.orchestrator.repository import Repository
from crypto_assets.orchestrator.webserver_client import WebserverClient

_ADD_MUTATION = """
mutation ($repository: RepositorySelector!, $name: String!, $key: String!) {
  addDynamicPartition(
    repositorySelector: $repository, partitionsDefName: $name, partitionKey: $key
  ) {
    __typename
    ... on Error { message }
  }
}
"""


def add_partition_keys(
    webserver: WebserverClient, repository: Repository, name: str, keys: Iterable[str]
) -> None:
    """Add keys to the dynamic partitions definition `name`, except those that it has."""
    for key in keys:
        result = webserver.run_query(
            _ADD_MUTATION, repository=repository.selector, name=name, key=key
        )
        if result["addDynamicPartition"]["__typename"] != "DuplicateDynamicPartitionError":
            webserver.require_type(result["addDynamicPartition"], "AddDynamicPartitionSuccess")

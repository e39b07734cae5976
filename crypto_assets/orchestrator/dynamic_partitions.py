"""Partitions that come into being while Dagster runs: one a symbol."""

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
    """Makes keys partitions of the dynamic definition `name`; those that are stay."""
    for key in keys:
        answer = webserver.run_query(
            _ADD_MUTATION, repository=repository.selector, name=name, key=key
        )
        if answer["addDynamicPartition"]["__typename"] != "DuplicateDynamicPartitionError":
            webserver.require_type(answer["addDynamicPartition"], "AddDynamicPartitionSuccess")

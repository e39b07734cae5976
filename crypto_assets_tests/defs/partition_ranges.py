"""Runs over ranges of partitions, as Dagster's pages launch them."""

from crypto_assets.orchestrator.partition_keys import RANGE_END_TAG, RANGE_START_TAG


def build_range_tags(first: str, last: str) -> dict[str, str]:
    """Build the tags with which Dagster plans a run of all keys between two partition keys."""
    return {RANGE_START_TAG: first, RANGE_END_TAG: last}

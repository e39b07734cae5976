"""The type of a job of assets, which `define_asset_job` returns and Dagster does not export."""

from typing import TypeAlias

from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

# The assets are selected when the definitions are loaded.
AssetJob: TypeAlias = UnresolvedAssetJobDefinition

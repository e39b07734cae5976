"""What all assets have in common: owners, a freshness policy, and a link to their source."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from crypto_assets.defs.markets import MarketSpec, get_asset_name
from crypto_assets.defs.owners import OWNERS
from crypto_assets.settings import BRANCH_URL, get_settings

_CODE_REFERENCES = "dagster/code_references"
_PACKAGE_FOLDER = Path(__file__).parents[1]


def add_common_attributes(definitions: dg.Definitions, market: MarketSpec) -> dg.Definitions:
    """Add to each asset of a market what it does not have: owners, freshness policy, source."""
    with warnings.catch_warnings():
        # Dagster's functions for code references and for mapping specs may still change.
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        references = _find_code_references(definitions)
        return definitions.map_asset_specs(
            func=lambda spec: _add_freshness_policy(
                _add_owners(_add_code_references(spec, references)), market
            )
        )


def _add_owners(spec: dg.AssetSpec) -> dg.AssetSpec:
    return spec if spec.owners or not OWNERS else spec.replace_attributes(owners=OWNERS)


def _add_freshness_policy(spec: dg.AssetSpec, market: MarketSpec) -> dg.AssetSpec:
    name = get_asset_name(spec.key)
    policy = market.freshness_policies.get(name)
    if policy is None or spec.key != market.asset_key(name):
        return spec
    fresh: dg.AssetSpec = dg.apply_freshness_policy(spec, policy, overwrite_existing=False)
    return fresh


def _add_code_references(spec: dg.AssetSpec, references: Mapping[dg.AssetKey, Any]) -> dg.AssetSpec:
    if spec.key not in references:
        return spec
    return spec.merge_attributes(metadata={_CODE_REFERENCES: references[spec.key]})


def _find_code_references(definitions: dg.Definitions) -> dict[dg.AssetKey, Any]:
    """Find the function of each asset: a file of this machine, or a page of CRYPTO_SOURCE_URL.

    An external asset has the link to its file already, and an asset of a further market both.
    """
    assets = [asset for asset in definitions.assets or () if isinstance(asset, dg.AssetsDefinition)]
    unlinked = [asset for asset in assets if not _has_code_references(asset)]
    external = [asset for asset in assets if not asset.is_executable]
    linked: Sequence[Any] = [*dg.with_source_code_references(unlinked), *external]
    if branch := BRANCH_URL.fullmatch(get_settings().source_url):
        linked = dg.link_code_references_to_git(
            linked,
            git_url=branch["repository"],
            git_branch=branch["branch"],
            platform="gitlab" if branch["gitlab"] else "github",
            # In a clone and in an installed wheel alike, the package is a folder of this name.
            file_path_mapping=dg.AnchorBasedFilePathMapping(_PACKAGE_FOLDER, _PACKAGE_FOLDER.name),
        )
    return {
        key: metadata[_CODE_REFERENCES]
        for asset in linked
        if isinstance(asset, dg.AssetsDefinition)
        for key, metadata in asset.metadata_by_key.items()
        if _CODE_REFERENCES in metadata
    }


def _has_code_references(asset: dg.AssetsDefinition) -> bool:
    return any(_CODE_REFERENCES in metadata for metadata in asset.metadata_by_key.values())

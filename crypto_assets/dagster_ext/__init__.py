"""Extensions of Dagster and workarounds: the only package that imports its private modules."""

from crypto_assets.dagster_ext.private_api import (
    PRIVATE_PARTS,
    WEBSERVER_PARTS,
    require_private_parts,
)

# Before the other modules import what Dagster may have changed.
require_private_parts(part for part in PRIVATE_PARTS if part not in WEBSERVER_PARTS)

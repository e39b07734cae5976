"""Extensions of Dagster and workarounds: the only package that imports its private modules."""

from crypto_assets.dagster_ext.private_api import require_private_parts
from crypto_assets.dagster_ext.private_run_parts import RUN_PARTS
from crypto_assets.dagster_ext.private_server_parts import SERVER_PARTS

# Before the other modules import what Dagster may have changed.
require_private_parts((*RUN_PARTS, *SERVER_PARTS))

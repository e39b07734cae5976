"""The owners of all assets and jobs: the people or teams to ask."""

import warnings

import dagster as dg

from crypto_assets.settings import get_settings

# None if there are none: Dagster warns whenever it loads a job with owners, even an empty list,
# that this parameter is new.
OWNERS = list(get_settings().owners) or None
if OWNERS:
    warnings.filterwarnings("ignore", "Parameter `owners`", dg.BetaWarning)

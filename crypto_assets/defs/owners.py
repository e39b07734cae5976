"""The owners of all assets and jobs: the people or teams to ask."""

import warnings
from inspect import signature
from typing import Any

import dagster as dg

from crypto_assets.settings import get_settings

OWNERS = list(get_settings().owners)
# Empty if there are none: Dagster warns whenever it loads a job with owners, even an empty list,
# that this parameter is new. The oldest supported versions do not have it.
JOB_OWNERS: dict[str, Any] = (
    {"owners": OWNERS} if OWNERS and "owners" in signature(dg.define_asset_job).parameters else {}
)
if JOB_OWNERS:
    warnings.filterwarnings("ignore", "Parameter `owners`", dg.BetaWarning)
# Dagster passes it itself when it gives the resources of this code location to a sensor's jobs.
warnings.filterwarnings("ignore", "Parameter `owners` of initializer `Sensor", dg.BetaWarning)

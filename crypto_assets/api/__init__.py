"""The HTTP API: the data that the app and the Python API serve, and the pipeline's controls."""

from crypto_assets.api.app import build_api_policy, create_app
from crypto_assets.api.dependencies import ApiContext
from crypto_assets.api.rate_limit import REQUESTS_PER_MINUTE

__all__ = [
    "REQUESTS_PER_MINUTE",
    "ApiContext",
    "build_api_policy",
    "create_app",
]

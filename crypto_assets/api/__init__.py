"""The HTTP API: the same numbers as the app and Python, and the pipeline's controls."""

from crypto_assets.api.access import Access
from crypto_assets.api.app import REQUESTS_PER_MINUTE, create_app
from crypto_assets.api.dependencies import Parts
from crypto_assets.api.json_logs import log_json_lines

__all__ = ["REQUESTS_PER_MINUTE", "Access", "Parts", "create_app", "log_json_lines"]

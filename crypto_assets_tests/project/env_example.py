"""The template `.env.example`: what it sets, and what it offers in comments."""

import re

from crypto_assets_tests.project.repository import text

_OFFER = re.compile(r"^# (?=[A-Z][A-Z0-9_]*=)", re.MULTILINE)


def uncomment_example() -> str:
    """Return the template with every variable set, as versions before 0.2 had it."""
    return _OFFER.sub("", text(".env.example"))

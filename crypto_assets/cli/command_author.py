"""Who runs a command, for the change log."""

import getpass

from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.warehouse.catalog.app_settings import Author


def record_command(context: PipelineContext, command: str, what: str) -> None:
    """Record a command that changes data, before it begins: it may be killed halfway."""
    context.warehouse.app_settings.record_change(command, None, what, find_command_author())


def find_command_author() -> Author:
    """Return the user of this machine who runs the command; a container may have no name for it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "an unknown user"
    return Author(f"{user} on the command line")


def describe_selection(symbols: tuple[str, ...] | None, first: object, last: object) -> str:
    """Return symbols and days of a command in words, as the user gave them."""
    names = ", ".join(symbols) if symbols else "all symbols"
    days = [f"from {first}" if first else "", f"to {last}" if last else ""]
    return " ".join([names, *filter(None, days)])

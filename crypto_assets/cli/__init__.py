"""The command `crypto-assets`, with one file per subcommand."""

from crypto_assets.cli.command_group import main

__all__ = ["main"]

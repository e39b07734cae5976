"""The command `crypto-assets`: each subcommand in a file of its own."""

from crypto_assets.cli.command_group import main

__all__ = ["main"]

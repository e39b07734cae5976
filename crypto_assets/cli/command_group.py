"""The group of subcommands, which prints each error as one line and sets the exit code."""

import logging
import sys
from importlib import import_module
from io import TextIOWrapper

import click

from crypto_assets.addresses import remove_logins
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.foreign_text import shorten_text
from crypto_assets.installation import VERSION
from crypto_assets.python_gc import pause_collections

# Long enough for the list of the options of a URL, and for a path.
_MAX_ERROR_CHARACTERS = 2000
_LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

# Each command's module is imported on use, since importing Dagster takes seconds.
_COMMANDS = {
    "init": "crypto_assets.cli.init:init",
    "up": "crypto_assets.cli.up:up",
    "demo": "crypto_assets.cli.demo:demo",
    "unlock": "crypto_assets.cli.unlock:unlock",
    "backfill": "crypto_assets.cli.backfill:backfill",
    "status": "crypto_assets.cli.status:status",
    "verify": "crypto_assets.cli.verify:verify",
    "rebuild": "crypto_assets.cli.rebuild:rebuild",
    "import": "crypto_assets.cli.import_objects:import_command",
    "export": "crypto_assets.cli.export:export",
    "layouts": "crypto_assets.cli.layouts:layouts",
    "retain": "crypto_assets.cli.retain:retain",
    "backup": "crypto_assets.cli.backup:backup",
    "restore": "crypto_assets.cli.restore:restore",
    "api": "crypto_assets.cli.api:api",
    "simulate-exchange": "crypto_assets.cli.simulate_exchange:simulate_exchange",
}


class _LogFormatter(logging.Formatter):
    """Removes logins from addresses: libraries log those of an object store and of a proxy."""

    def format(self, record: logging.LogRecord) -> str:
        return remove_logins(super().format(record))


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name].split(":")
        with pause_collections():
            command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show tracebacks and debug logs.")
@click.version_option(VERSION, prog_name="crypto-assets")
def crypto_assets(debug: bool) -> None:
    """Self-hosted market data: Binance candles and order books, exact to the last digit."""
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_LogFormatter(_LOG_FORMAT))
    if not debug:
        # It logs a failed refresh of credentials with a traceback, although it raises the error.
        logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)
        # It logs a lost connection with a traceback, although it opens another one.
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)


def main() -> None:
    """Run the command. Exit code 1 is a failure, 2 wrong use, 130 Ctrl-C."""
    debug = "--debug" in sys.argv[1:]
    for stream in (sys.stdout, sys.stderr):
        # Print characters that the terminal's encoding does not have as \uXXXX.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        crypto_assets.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except click.ClickException as error:
        _print_error(error.format_message())
        sys.exit(error.exit_code)
    except CryptoAssetsError as error:
        if debug:
            raise
        _print_error(str(error))
        sys.exit(error.exit_code)
    except OSError as error:  # such as a path that is too long
        if debug:
            raise
        place = f"{error.filename}: " if error.filename else ""
        _print_error(f"{place}{error.strerror or error}")
        sys.exit(1)


def _print_error(message: str) -> None:
    click.echo(f"crypto-assets: {shorten_text(message, _MAX_ERROR_CHARACTERS)}", err=True)

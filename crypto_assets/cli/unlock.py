"""`crypto-assets unlock`: print a link that unlocks a browser."""

import sys

import click

from crypto_assets.access import CODE_SECONDS, list_token_problems, open_access_control
from crypto_assets.settings import Settings, get_settings
from crypto_assets.shown_command import format_command


@click.command()
@click.option("--url", help="Address of the app. Default: CRYPTO_APP_LINK_URL.")
def unlock(url: str | None) -> None:
    """Print a link that unlocks one browser, once.

    Open it within 15 minutes. That browser may then change things in the app, through the API, and
    in Dagster, for 30 days.
    """
    settings = get_settings()
    click.echo(create_unlock_link(settings, url or settings.app_link_url))


def create_unlock_link(settings: Settings, url: str) -> str:
    """Return a link to the app at `url`. Raises WrongUse without an operator's token."""
    return open_access_control(settings).create_unlock_link(url)


def print_unlock_link(settings: Settings, local_url: str) -> None:
    """Print a link to the app, and what it is for; in a log file, only how to get one.

    An address with the default port, which earlier versions of `.env.example` contained, is not a
    choice.
    """
    default = Settings.model_fields["app_link_url"].default
    url = local_url if settings.app_link_url == default else settings.app_link_url
    # No other command knows the port; `set_link_addresses` sets it for this process only.
    options = ("--url", url) if url == local_url != default else ()
    command = format_command("unlock", *options, fields=("home",))
    if not sys.stdout.isatty():
        click.echo(f"\n  unlock   `{command}` prints a link that lets a browser make changes")
        return
    click.echo(f"\n  unlock   {create_unlock_link(settings, url)}")
    click.echo(
        "           Open it to make changes from your browser. It works once, within "
        f"{CODE_SECONDS // 60} minutes.\n           Another one: {command}"
    )


def print_token_problems(settings: Settings) -> None:
    """Warn about tokens that are easy to guess."""
    for problem in list_token_problems(settings):
        click.echo(f"warning: {problem}", err=True)

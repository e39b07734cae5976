"""Generate docs/commands.md from the help texts of the commands."""

import sys

import click

from crypto_assets.cli.command_group import crypto_assets

_PAGE_HEAD = """\
# Commands

This page is generated from the help texts. To update it, run
`python -m crypto_assets.cli.command_docs > docs/commands.md`; a test checks that it is current.

In a checkout, the command is `.venv/bin/crypto-assets`. It reads the [settings](settings.md). It
exits with 0 on success, 1 after a failure, 2 after wrong use and 130 after Ctrl-C. An error is one
line on stderr; `crypto-assets --debug COMMAND` adds tracebacks and debug logs.
"""


def render_command_docs() -> str:
    """Render the page as Markdown: a table of the commands, then the help text of each."""
    group = click.Context(
        crypto_assets, info_name="crypto-assets", **crypto_assets.context_settings
    )
    rows, sections = [], []
    for name in crypto_assets.list_commands(group):
        if not (command := crypto_assets.get_command(group, name)):
            continue
        rows.append(f"| [`{name}`](#{name}) | {command.get_short_help_str(limit=100)} |")
        sections.append(f"## {name}\n\n```text\n{_render_help(command, name, group)}\n```\n")
    table = "\n".join(["| command | what it does |", "|---|---|", *rows, ""])
    return "\n".join([_PAGE_HEAD, table, *sections])


def _render_help(command: click.Command, name: str, group: click.Context) -> str:
    # A fixed width, regardless of the terminal.
    context = click.Context(command, info_name=name, parent=group, terminal_width=90)
    return command.get_help(context)


if __name__ == "__main__":
    sys.stdout.write(render_command_docs())

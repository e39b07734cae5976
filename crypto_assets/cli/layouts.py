"""`crypto-assets layouts`: list, export and import the saved layouts of charts."""

from pathlib import Path

import click

from crypto_assets.cli.command_author import find_command_author
from crypto_assets.errors import WrongUse
from crypto_assets.pipeline.control.chart_layouts import (
    format_layouts,
    list_layouts,
    parse_layouts,
    save_layout,
)
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_warehouse

_MAX_FILE_BYTES = 5_000_000


@click.command()
@click.argument("action", type=click.Choice(["list", "export", "import"]), default="list")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
def layouts(action: str, file: Path | None) -> None:
    """List the saved layouts of charts, or export them to a JSON FILE, or import one.

    Imported layouts take the place of those with the same names.
    """
    warehouse = open_warehouse(get_settings())
    warehouse.require_ready()
    if action == "list":
        for layout in list_layouts(warehouse):
            click.echo(f"{layout.name} ({layout.kind}, {len(layout.parameters)} parameters)")
        return
    if file is None:
        raise WrongUse(f"name the file: crypto-assets layouts {action} FILE")
    if action == "export":
        saved = list_layouts(warehouse)
        file.write_text(format_layouts(saved), encoding="utf-8")
        click.echo(f"wrote {len(saved):,} layouts to {file}")
        return
    imported = parse_layouts(_read_file(file))
    for layout in imported:
        save_layout(warehouse, layout, find_command_author())
    click.echo(f"imported {len(imported):,} layouts from {file}")


def _read_file(file: Path) -> str:
    if not file.is_file():
        raise WrongUse(f"{file} is not a file")
    if file.stat().st_size > _MAX_FILE_BYTES:
        raise WrongUse(f"{file} is larger than {_MAX_FILE_BYTES:,} bytes")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise WrongUse(f"{file} is not a file of layouts: it is not UTF-8") from None

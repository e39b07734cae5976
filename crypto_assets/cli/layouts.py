"""`crypto-assets layouts`: list, export and import the saved layouts of charts."""

from pathlib import Path

import click

from crypto_assets.cli.command_author import find_command_author
from crypto_assets.errors import WrongUse
from crypto_assets.pipeline.control.chart_drawings import import_drawings
from crypto_assets.pipeline.control.chart_layouts import (
    LayoutFile,
    format_layout_file,
    list_layouts,
    parse_layout_file,
    save_layout,
)
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_warehouse

# As large as all layouts and drawings that a home can have.
_MAX_FILE_BYTES = 50_000_000


@click.command()
@click.argument("action", type=click.Choice(["list", "export", "import"]), default="list")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
def layouts(action: str, file: Path | None) -> None:
    """List the saved layouts of charts, or export them to a JSON FILE, or import one.

    The file also has the drawings on the charts of all symbols. Imported layouts take the place of
    those with the same names; imported drawings are added to those of their symbols.
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
        saved = LayoutFile(list_layouts(warehouse), warehouse.chart_drawings.list_all_drawings())
        file.write_text(format_layout_file(saved), encoding="utf-8")
        click.echo(f"wrote {_describe_content(saved)} to {file}")
        return
    imported = parse_layout_file(_read_file(file))
    for layout in imported.layouts:
        save_layout(warehouse, layout, find_command_author())
    for symbol, drawings in imported.drawings.items():
        import_drawings(warehouse, symbol, drawings, find_command_author())
    click.echo(f"imported {_describe_content(imported)} from {file}")


def _describe_content(content: LayoutFile) -> str:
    count = sum(map(len, content.drawings.values()))
    return f"{len(content.layouts):,} layouts" + (f" and {count:,} drawings" if count else "")


def _read_file(file: Path) -> str:
    if not file.is_file():
        raise WrongUse(f"{file} is not a file")
    if file.stat().st_size > _MAX_FILE_BYTES:
        raise WrongUse(f"{file} is larger than {_MAX_FILE_BYTES:,} bytes")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise WrongUse(f"{file} is not a file of layouts: it is not UTF-8") from None

"""Saved layouts of charts: the parameters of the app's page Analytics, by name.

They are stored with the runtime settings, so that the change log contains who saved what. A file of
layouts is JSON, and also has the drawings, which belong to symbols and not to one layout:

    {"version": 1,
     "layouts": [{"name": "Trend", "kind": "layout", "parameters": {"interval": ["4h"]}}],
     "drawings": {"BTCUSDT": [{"id": "0f3a9c21d4e5b687", …}]}}
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from crypto_assets.errors import WrongUse
from crypto_assets.market.chart_drawings import (
    DrawingsBySymbol,
    format_drawing,
    parse_drawings_by_symbol,
)
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.app_settings import AuthorOrName

_PREFIX = "layout."
_FILE_VERSION = 1
_MAX_LAYOUTS = 200
_MAX_NAME = 60  # characters
_MAX_PARAMETERS, _MAX_VALUES, _MAX_VALUE = 200, 20, 500
# As JSON; MySQL's type TEXT has 65,535 bytes.
_MAX_LENGTH = 50_000
_PARAMETER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,79}")


class LayoutKind(StrEnum):
    """Everything that a chart shows, or only its indicators."""

    LAYOUT = "layout"
    INDICATORS = "indicators"


@dataclass(frozen=True)
class ChartLayout:
    """A name, and parameters of the address of the page, each with its values."""

    name: str
    kind: LayoutKind
    parameters: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class LayoutFile:
    """What a file of layouts contains."""

    layouts: Sequence[ChartLayout]
    drawings: DrawingsBySymbol = field(default_factory=dict)


def list_layouts(warehouse: Warehouse) -> list[ChartLayout]:
    """List the saved layouts by name."""
    stored = warehouse.app_settings.get_all_values()
    layouts = [
        _parse_layout({"name": name.removeprefix(_PREFIX), **value})
        for name, value in stored.items()
        if name.startswith(_PREFIX)
    ]
    return sorted(layouts, key=lambda layout: layout.name.casefold())


def save_layout(warehouse: Warehouse, layout: ChartLayout, who: AuthorOrName) -> None:
    """Save a layout, in the place of one with the same name. Raises WrongUse."""
    checked = _parse_layout(_format_layout(layout))
    others = {each.name for each in list_layouts(warehouse)} - {checked.name}
    if len(others) >= _MAX_LAYOUTS:
        raise WrongUse(f"{_MAX_LAYOUTS} layouts are saved: delete one first")
    value = _format_layout(checked)
    name = value.pop("name")
    warehouse.app_settings.put_value(f"{_PREFIX}{name}", value, who)


def delete_layout(warehouse: Warehouse, name: str, who: AuthorOrName) -> None:
    """Delete a layout, if there is one of that name."""
    warehouse.app_settings.reset_value(f"{_PREFIX}{name}", who)


def format_layout_file(content: LayoutFile) -> str:
    """Return the text of a file of layouts."""
    values = {
        "version": _FILE_VERSION,
        "layouts": [_format_layout(layout) for layout in content.layouts],
        "drawings": {
            symbol: [format_drawing(drawing) for drawing in drawings]
            for symbol, drawings in sorted(content.drawings.items())
        },
    }
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def parse_layout_file(text: str) -> LayoutFile:
    """Parse a file of layouts, with or without drawings.

    Raises WrongUse, which says what is wrong.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise WrongUse("this is not a file of layouts: it is not JSON") from None
    if not isinstance(content, dict) or content.get("version") != _FILE_VERSION:
        raise WrongUse(f"this is not a file of layouts of version {_FILE_VERSION}")
    entries = content.get("layouts")
    if not isinstance(entries, list) or len(entries) > _MAX_LAYOUTS:
        raise WrongUse(f"a file of layouts has a list of at most {_MAX_LAYOUTS} `layouts`")
    drawings = parse_drawings_by_symbol(content.get("drawings", {}))
    return LayoutFile([_parse_layout(entry) for entry in entries], drawings)


def _format_layout(layout: ChartLayout) -> dict[str, Any]:
    parameters = {name: list(values) for name, values in sorted(layout.parameters.items())}
    return {"name": layout.name, "kind": str(layout.kind), "parameters": parameters}


def _parse_layout(entry: object) -> ChartLayout:
    match entry:
        case {"name": str(name), "kind": str(kind), "parameters": dict(parameters)}:
            pass
        case _:
            raise WrongUse("a layout has a `name`, a `kind` and `parameters`")
    name = name.strip()
    if not 1 <= len(name) <= _MAX_NAME or not name.isprintable():
        raise WrongUse(f"the name of a layout has 1 to {_MAX_NAME} printable characters")
    if kind not in list(LayoutKind):
        raise WrongUse(f"layout {name!r}: the kind must be one of {', '.join(LayoutKind)}")
    if len(parameters) > _MAX_PARAMETERS or not all(map(_is_parameter, parameters.items())):
        raise WrongUse(f"layout {name!r}: a parameter is not one of a chart's address")
    if len(json.dumps(parameters)) > _MAX_LENGTH:
        raise WrongUse(f"layout {name!r}: its parameters have more than {_MAX_LENGTH:,} characters")
    return ChartLayout(
        name, LayoutKind(kind), {key: tuple(values) for key, values in parameters.items()}
    )


def _is_parameter(item: tuple[object, object]) -> bool:
    name, values = item
    return (
        isinstance(name, str)
        and _PARAMETER_NAME.fullmatch(name) is not None
        and isinstance(values, list | tuple)
        and len(values) <= _MAX_VALUES
        and all(isinstance(value, str) and len(value) <= _MAX_VALUE for value in values)
    )

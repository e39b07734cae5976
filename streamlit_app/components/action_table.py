"""A table whose cells can hold switches, buttons and links, which Streamlit's own cannot.

On a narrow screen each row becomes a block. The cells are HTML: escape all text in them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import streamlit as st

_HERE = Path(__file__)
_component = st.components.v2.component(
    "action_table",
    html='<div class="action-table"></div>',
    css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
    js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class TableColumn:
    """A column. `is_figure` aligns it right.

    On narrow screens, `is_corner` puts its cells at the right end of a line, without the title.
    """

    title: str
    is_figure: bool = False
    is_corner: bool = False


@dataclass(frozen=True)
class TableAction:
    """A click of the viewer: the action of a button or link, and the name of its row."""

    action: str
    row: str


def render_action_table(
    columns: Sequence[TableColumn],
    rows: Sequence[tuple[str, Sequence[str]]],
    key: str,
    alt: str,
    on_action: Callable[[TableAction], None],
) -> None:
    """Draw rows, each a name and its cells as HTML; the first cell is the row's heading.

    `on_action` is called in this run for the click that caused it.
    """
    result = _component(
        key=key,
        data={"html": _format_table(columns, rows, alt)},
        on_clicked_change=lambda: None,
    )
    if clicked := result.clicked:
        on_action(TableAction(str(clicked["action"]), str(clicked["row"])))


def format_button(action: str, label: str, text: str, *, disabled: bool = False) -> str:
    """Format a button; `label` is its accessible name and tooltip, `text` what is visible."""
    return (
        f'<button type="button" data-action="{escape(action)}" aria-label="{escape(label)}" '
        f'title="{escape(label)}"{_format_disabled(disabled)}>{escape(text)}</button>'
    )


def format_switch(action: str, label: str, is_on: bool, *, disabled: bool = False) -> str:
    """Format a switch; `label` is its accessible name."""
    return (
        f'<button type="button" role="switch" class="switch" data-action="{escape(action)}" '
        f'aria-checked="{str(is_on).lower()}" aria-label="{escape(label)}"'
        f"{_format_disabled(disabled)}></button>"
    )


def format_link(action: str, text: str, address: str) -> str:
    """Format a link that a plain click turns into an action, without loading the page again."""
    return f'<a href="{escape(address)}" data-action="{escape(action)}">{escape(text)}</a>'


def _format_disabled(disabled: bool) -> str:
    return " disabled" if disabled else ""


def _format_table(
    columns: Sequence[TableColumn], rows: Sequence[tuple[str, Sequence[str]]], alt: str
) -> str:
    head = "".join(
        f'<th scope="col"{_format_class(column)}>{escape(column.title)}</th>' for column in columns
    )
    body = "".join(
        f'<tr data-row="{escape(name)}">{_format_cells(columns, cells)}</tr>'
        for name, cells in rows
    )
    return (
        f'<table aria-label="{escape(alt)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _format_cells(columns: Sequence[TableColumn], cells: Sequence[str]) -> str:
    heading, *others = cells
    return f'<th scope="row">{heading}</th>' + "".join(
        f'<td data-title="{escape(column.title)}"{_format_class(column)}>{cell}</td>'
        for column, cell in zip(columns[1:], others, strict=True)
    )


def _format_class(column: TableColumn) -> str:
    names = ["figure"] * column.is_figure + ["corner"] * column.is_corner
    return f' class="{" ".join(names)}"' if names else ""

"""A table of schedules or sensors: state, last and next tick, interval, and actions."""

from functools import partial
from html import escape

import streamlit as st

from crypto_assets.orchestrator import Instigator
from crypto_assets.pipeline.control import admin
from crypto_assets.pipeline.control.runtime_settings import INTERVAL_SETTINGS, override_settings
from crypto_assets.warehouse import INGEST_INTERVAL, ORDER_BOOK_INTERVAL
from crypto_assets.warehouse.catalog.app_settings import Author
from streamlit_app import data
from streamlit_app.actions import confirm_action, request_dialog, run_action
from streamlit_app.components import action_table
from streamlit_app.components.action_table import TableAction, TableColumn
from streamlit_app.format import humanize
from streamlit_app.scheduler import dagster_labels

# These schedules tick every minute, and run at the interval of a setting.
_INTERVALS = {"ingest_schedule": INGEST_INTERVAL, "order_books_schedule": ORDER_BOOK_INTERVAL}
_SWITCH, _RUN, _INTERVAL = "switch", "run", "interval"


def render_instigator_table(
    instigators: list[Instigator], intervals: dict[str, int], kind: str, can_write: bool
) -> None:
    """Draw the table, the fetching schedules first. `intervals` are minutes by setting.

    `kind` is the title of the first column.
    """
    ordered = sorted(instigators, key=lambda item: item.name not in _INTERVALS)
    by_name = {instigator.name: instigator for instigator in ordered}
    minutes = {name: intervals[setting] for name, setting in _INTERVALS.items() if intervals}

    def run_clicked(clicked: TableAction) -> None:
        if can_write and (instigator := by_name.get(clicked.row)):
            _run_table_action(clicked.action, instigator, minutes.get(clicked.row))

    action_table.render_action_table(
        (
            TableColumn(kind),
            TableColumn("On", is_corner=True),
            TableColumn("Last"),
            TableColumn("Next"),
            TableColumn("Every"),
            TableColumn("", is_corner=True),
        ),
        [
            (name, _format_row(instigator, minutes.get(name), can_write))
            for name, instigator in by_name.items()
        ],
        f"{kind.lower()}_table",
        f"{kind}s of Dagster",
        run_clicked,
    )


def _format_row(instigator: Instigator, minutes: int | None, can_write: bool) -> list[str]:
    title = dagster_labels.format_instigator_title(instigator)
    note = f'<span class="note">{escape(instigator.description or "")}</span>'
    every = dagster_labels.format_frequency(instigator)
    if minutes:
        every = action_table.format_button(
            _INTERVAL,
            f"Change the interval of {title}: {minutes} min",
            f"{minutes} min",
            disabled=not can_write,
        )
    else:
        every = escape(every)
    return [
        f"{escape(title)}{note}",
        action_table.format_switch(_SWITCH, title, instigator.running, disabled=not can_write),
        dagster_labels.format_last_ticks(instigator),
        dagster_labels.format_next_tick(instigator, minutes),
        every,
        action_table.format_button(_RUN, f"Run {title} now", "Run now", disabled=not can_write),
    ]


def _run_table_action(action: str, instigator: Instigator, minutes: int | None) -> None:
    title = dagster_labels.format_instigator_title(instigator)
    if action == _RUN:
        run_action(partial(_run_instigator_now, instigator))
    elif action == _INTERVAL and minutes:
        setting = _INTERVALS[instigator.name]
        request_dialog(partial(_render_interval_dialog, setting, title, minutes))
    elif action == _SWITCH and instigator.running:
        confirm_action(
            f"Stop {title}?",
            dagster_labels.explain_stopping(instigator),
            "Stop",
            partial(_switch_instigator, instigator, False),
        )
    elif action == _SWITCH:
        run_action(partial(_switch_instigator, instigator, True))


def _switch_instigator(instigator: Instigator, running: bool, who: Author) -> str:
    admin.set_instigator_running(
        data.get_pipeline_context(),
        data.get_orchestrator(),
        instigator.kind,
        instigator.name,
        running,
        who,
    )
    title = dagster_labels.format_instigator_title(instigator)
    return f"{title} is {'running' if running else 'stopped'}."


def _run_instigator_now(instigator: Instigator, who: Author) -> str:
    result = admin.trigger_instigator(
        data.get_pipeline_context(), data.get_orchestrator(), instigator.kind, instigator.name, who
    )
    title = dagster_labels.format_instigator_title(instigator)
    if result.run_ids:
        return f"{title}: {humanize.format_count(len(result.run_ids), 'run')} started."
    if result.added_partitions:
        return f"{title}: added {', '.join(result.added_partitions)}."
    reason = result.skipped or "no run was requested"
    return f"{title}: {reason[:1].lower()}{reason[1:]}."


@st.dialog("Change interval")
def _render_interval_dialog(setting: str, name: str, minutes: int) -> None:
    bounds = INTERVAL_SETTINGS[setting]
    new_minutes = st.number_input(
        f"{name}: interval in minutes",
        min_value=int(bounds.minimum),
        max_value=int(bounds.maximum),
        value=minutes,
        step=1,
        key=f"minutes_{setting}",
    )
    st.caption("Applies from the next tick. Runs are aligned to midnight UTC.")
    if st.button("Save", type="primary", key="save_interval", disabled=new_minutes == minutes):
        run_action(partial(_save_interval, setting, name, int(new_minutes)))


def _save_interval(setting: str, name: str, minutes: int, who: Author) -> str:
    override_settings(data.get_pipeline_context(), {setting: minutes}, who)
    return f"{name}: every {minutes} min from the next tick."

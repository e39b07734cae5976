"""A card per schedule or sensor: state, last and next tick, and actions."""

from functools import partial

import streamlit as st

from crypto_assets.market.utc_time import MINUTE_MS, floor_ms, now_ms
from crypto_assets.orchestrator import Instigator, Kind
from crypto_assets.pipeline.control import admin
from crypto_assets.pipeline.control.runtime_settings import INTERVAL_SETTINGS, override_settings
from crypto_assets.warehouse import INGEST_INTERVAL, ORDER_BOOK_INTERVAL
from crypto_assets.warehouse.catalog.app_settings import Author
from streamlit_app import data
from streamlit_app.actions import confirm_action, request_dialog, run_action
from streamlit_app.format import humanize
from streamlit_app.scheduler import dagster_labels

# These schedules tick every minute, and run at the interval of a setting.
_INTERVALS = {"ingest_schedule": INGEST_INTERVAL, "order_books_schedule": ORDER_BOOK_INTERVAL}


def render_instigator_cards(
    instigators: list[Instigator], intervals: dict[str, int], can_write: bool
) -> None:
    """Draw the cards, the fetching schedules first. `intervals` are minutes by setting."""
    ordered = sorted(instigators, key=lambda item: item.name not in _INTERVALS)
    with st.grid(5 if len(instigators) == 5 else 4, min_column_width=225):
        for instigator in ordered:
            _render_card(instigator, intervals, can_write)


def _render_card(instigator: Instigator, intervals: dict[str, int], can_write: bool) -> None:
    setting = _INTERVALS.get(instigator.name)
    minutes = intervals[setting] if setting else None
    with st.container(border=True, height="stretch", gap="xsmall", key=f"card_{instigator.name}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
            st.markdown(
                f"**{dagster_labels.format_instigator_title(instigator)}**", width="content"
            )
            _render_state_badge(instigator)
        st.caption(instigator.description or "")
        for line in _format_ticks(instigator, minutes):
            st.markdown(f":small[{line}]")
        if setting and minutes:
            _render_interval_button(
                setting, dagster_labels.format_instigator_title(instigator), minutes, can_write
            )
        st.space("stretch")
        with st.container(horizontal=True, gap="small"):
            _render_switch_button(instigator, can_write)
            _render_run_button(instigator, can_write)


def _render_state_badge(instigator: Instigator) -> None:
    if instigator.running:
        st.badge("Running", icon=":material/play_arrow:", color="blue")
    else:
        st.badge("Stopped", icon=":material/pause:", color="orange")


def _format_ticks(instigator: Instigator, minutes: int | None) -> list[str]:
    """Format the last action, the last tick if it was skipped, and the next tick."""
    last_tick, last_action = instigator.last_tick, instigator.last_action
    lines = [dagster_labels.format_tick(tick) for tick in (last_action, last_tick) if tick]
    if last_action and last_tick and last_action.at == last_tick.at:
        lines = lines[:1]
    return [*(lines or ["Not run yet"]), _format_next_tick(instigator, minutes)]


def _format_next_tick(instigator: Instigator, minutes: int | None) -> str:
    if not instigator.running:
        return "Next: none, stopped"
    if minutes:
        step = minutes * MINUTE_MS
        at = floor_ms(now_ms(), step) + step
        return f"Next: {humanize.format_timestamp(at)}, {humanize.format_time_until(at)}"
    if instigator.next_tick_at is None:
        return f"Next: now. {dagster_labels.format_frequency(instigator)}"
    when = humanize.format_time_until(instigator.next_tick_at)
    if instigator.kind is Kind.SENSOR:
        return f"Next: {when}. {dagster_labels.format_frequency(instigator)}"
    return f"Next: {humanize.format_timestamp(instigator.next_tick_at)}, {when}"


def _render_switch_button(instigator: Instigator, can_write: bool) -> None:
    name = dagster_labels.format_instigator_title(instigator)
    if not instigator.running:
        if st.button(
            "Start",
            icon=":material/play_arrow:",
            key=f"start_{instigator.name}",
            disabled=not can_write,
        ):
            confirm_action(
                f"Start {name}?",
                "It runs on schedule from now on.",
                "Start",
                partial(_switch_instigator, instigator, True),
            )
    elif st.button(
        "Stop", icon=":material/pause:", key=f"stop_{instigator.name}", disabled=not can_write
    ):
        confirm_action(
            f"Stop {name}?",
            dagster_labels.explain_stopping(instigator),
            "Stop",
            partial(_switch_instigator, instigator, False),
        )


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


def _render_run_button(instigator: Instigator, can_write: bool) -> None:
    if st.button(
        "Run now",
        icon=":material/bolt:",
        key=f"run_{instigator.name}",
        help="Run the next tick now.",
        disabled=not can_write,
    ):
        run_action(partial(_run_instigator_now, instigator))


def _run_instigator_now(instigator: Instigator, who: Author) -> str:
    result = admin.trigger_instigator(
        data.get_pipeline_context(), data.get_orchestrator(), instigator.kind, instigator.name, who
    )
    title = dagster_labels.format_instigator_title(instigator)
    if result.run_ids:
        runs = "1 run" if len(result.run_ids) == 1 else f"{len(result.run_ids)} runs"
        return f"{title}: {runs} launched."
    if result.added_partitions:
        return f"{title}: added {', '.join(result.added_partitions)}."
    return f"{title}: skipped. {result.skipped or 'No run was requested.'}"


def _render_interval_button(setting: str, name: str, minutes: int, can_write: bool) -> None:
    """Draw a button such as `Every 5 min`, which opens a dialog to change it."""
    label = "Every minute" if minutes == 1 else f"Every {minutes} min"
    if st.button(
        label,
        icon=":material/timer:",
        type="tertiary",
        key=f"interval_{setting}",
        help="Change the interval.",
        disabled=not can_write,
    ):
        request_dialog(partial(_render_interval_dialog, setting, name, minutes))


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

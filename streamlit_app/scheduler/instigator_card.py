"""A card for a schedule or sensor: its state, last and next tick, and what may be done with it."""

from functools import partial

import streamlit as st

from crypto_assets.market.utc_time import MINUTE_MS, floor_ms, now_ms
from crypto_assets.orchestrator import Instigator, Kind
from crypto_assets.pipeline.control import admin
from crypto_assets.warehouse import INGEST_INTERVAL, ORDER_BOOK_INTERVAL
from streamlit_app import data
from streamlit_app.actions import confirm_action, run_action
from streamlit_app.format import timestamps
from streamlit_app.scheduler import dagster_labels, interval_dialog

# Ticking every minute, these two work at an interval of the settings.
_INTERVALS = {"ingest_schedule": INGEST_INTERVAL, "order_books_schedule": ORDER_BOOK_INTERVAL}


def render_instigator_cards(
    shown: list[Instigator], intervals: dict[str, int], allowed: bool
) -> None:
    """Those that bring candles first, then the rest by name."""
    ordered = sorted(shown, key=lambda one: one.name not in _INTERVALS)
    with st.grid(5 if len(shown) == 5 else 4, min_column_width=225):
        for one in ordered:
            _render_card(one, intervals, allowed)


def _render_card(shown: Instigator, intervals: dict[str, int], allowed: bool) -> None:
    setting = _INTERVALS.get(shown.name)
    minutes = intervals[setting] if setting else None
    with st.container(border=True, height="stretch", gap="xsmall", key=f"card_{shown.name}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
            st.markdown(f"**{dagster_labels.format_instigator_title(shown)}**", width="content")
            _render_state_badge(shown)
        st.caption(shown.description or "")
        for line in _format_ticks(shown, minutes):
            st.markdown(f":small[{line}]")
        if setting and minutes:
            interval_dialog.render_interval_button(
                setting, dagster_labels.format_instigator_title(shown), minutes, allowed
            )
        st.space("stretch")
        with st.container(horizontal=True, gap="small"):
            _render_switch_button(shown, allowed)
            _render_run_button(shown, allowed)


def _render_state_badge(shown: Instigator) -> None:
    if shown.running:
        st.badge("Running", icon=":material/play_arrow:", color="blue")
    else:
        st.badge("Stopped", icon=":material/pause:", color="orange")


def _format_ticks(shown: Instigator, minutes: int | None) -> list[str]:
    """Its last action and the tick after it, where that one did nothing; the next one."""
    last, acted = shown.last_tick, shown.last_action
    lines = [dagster_labels.format_tick(tick) for tick in (acted, last) if tick]
    if acted and last and acted.at == last.at:
        lines = lines[:1]
    return [*(lines or ["Has not ticked yet"]), _format_next_tick(shown, minutes)]


def _format_next_tick(shown: Instigator, minutes: int | None) -> str:
    if not shown.running:
        return "Next: none while it is stopped"
    if minutes:
        step = minutes * MINUTE_MS
        at = floor_ms(now_ms(), step) + step
        return f"Next: {timestamps.format_timestamp(at)}, {timestamps.format_time_until(at)}"
    if shown.next_tick_at is None:
        return f"Next: now. {dagster_labels.format_frequency(shown)}"
    when = timestamps.format_time_until(shown.next_tick_at)
    if shown.kind is Kind.SENSOR:
        return f"Next: {when}. {dagster_labels.format_frequency(shown)}"
    return f"Next: {timestamps.format_timestamp(shown.next_tick_at)}, {when}"


def _render_switch_button(shown: Instigator, allowed: bool) -> None:
    name = dagster_labels.format_instigator_title(shown)
    if not shown.running:
        if st.button(
            "Start", icon=":material/play_arrow:", key=f"start_{shown.name}", disabled=not allowed
        ):
            confirm_action(
                f"Start {name}?",
                "It ticks from now on.",
                "Start",
                partial(_switch_instigator, shown, True),
            )
    elif st.button("Stop", icon=":material/pause:", key=f"stop_{shown.name}", disabled=not allowed):
        confirm_action(
            f"Stop {name}?",
            dagster_labels.explain_stopping(shown),
            "Stop",
            partial(_switch_instigator, shown, False),
        )


def _switch_instigator(shown: Instigator, running: bool, who: str) -> str:
    admin.set_instigator_running(
        data.get_pipeline_context(), data.get_orchestrator(), shown.kind, shown.name, running, who
    )
    return (
        f"{dagster_labels.format_instigator_title(shown)} is {'running' if running else 'stopped'}."
    )


def _render_run_button(shown: Instigator, allowed: bool) -> None:
    if st.button(
        "Run now",
        icon=":material/bolt:",
        key=f"run_{shown.name}",
        help="What its next tick would do, done now.",
        disabled=not allowed,
    ):
        run_action(partial(_run_instigator_now, shown))


def _run_instigator_now(shown: Instigator, who: str) -> str:
    done = admin.trigger_instigator(
        data.get_pipeline_context(), data.get_orchestrator(), shown.kind, shown.name, who
    )
    if done.run_ids:
        return (
            f"{dagster_labels.format_instigator_title(shown)}: {len(done.run_ids)} run(s) launched."
        )
    if done.added_partitions:
        return f"{dagster_labels.format_instigator_title(shown)}: added {', '.join(done.added_partitions)}."
    return f"{dagster_labels.format_instigator_title(shown)}: nothing to do, {done.skipped or 'it asked for no run'}."

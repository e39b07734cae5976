"""Readable labels of Dagster's names, states, and ticks."""

import re
from html import escape

from crypto_assets.market.utc_time import MINUTE_MS, floor_ms, now_ms
from crypto_assets.orchestrator import BackfillProgress, Instigator, InstigatorTick
from streamlit_app.format import dates, humanize

_STOPPING_TEXTS = {
    "ingest_schedule": "While it is stopped, no new candles are loaded. After a restart, the next "
    "tick loads the missed ones.",
    "order_books_schedule": "While it is stopped, snapshots are lost permanently: the exchange has "
    "no history of order books.",
    "close_day_schedule": "While it is stopped, past days are not verified against the archive and "
    "the exchange.",
    "maintenance_schedule": "While it is stopped, no data expires: lake and warehouse grow.",
    "symbols": "While it is stopped, added symbols get no partitions, and no candles are loaded "
    "for them.",
    "run_failures": "While it is stopped, failed runs send no alerts.",
    "stale_symbols": "While it is stopped, delayed symbols send no alerts.",
}
# Names that do not say what the schedule or sensor does; Dagster's names are kept.
_TITLES = {"left_runs": "Orphaned runs", "leftovers": "Orphaned objects"}
_STATE_TEXTS = {
    "REQUESTED": "Loading",
    "CANCELING": "Canceling",
    "CANCELED": "Canceled",
    "FAILING": "Failing",
    "FAILED": "Failed",
    "COMPLETED_FAILED": "Partially failed",
    "COMPLETED_SUCCESS": "Completed",
    "COMPLETED": "Completed",
}
_MAX_NOTE_LENGTH = 160
_DAILY_CRON = re.compile(r"(\d+) (\d+) \* \* \*")
_HOURLY_CRON = re.compile(r"(\d+) \* \* \* \*")


def format_instigator_title(instigator: Instigator) -> str:
    """`Ingest` for `ingest_schedule`."""
    name = instigator.name.removesuffix("_schedule")
    return _TITLES.get(name, name.replace("_", " ").capitalize())


def explain_stopping(instigator: Instigator) -> str:
    """Explain the effect of stopping a schedule or sensor."""
    return _STOPPING_TEXTS.get(instigator.name, "It does not run until you start it again.")


def format_frequency(instigator: Instigator) -> str:
    """Format the cron expression of a schedule or the interval of a sensor in words."""
    if instigator.cron is None:
        seconds = instigator.interval_seconds or 30
        return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min"
    crons = re.findall(r"'([^']*)'", instigator.cron) or [instigator.cron]
    if times := [match for cron in crons if (match := _DAILY_CRON.fullmatch(cron))]:
        clocks = sorted(f"{int(time[2]):02}:{int(time[1]):02}" for time in times)
        return f"Day at {' and '.join(clocks)} UTC"
    if hourly := _HOURLY_CRON.fullmatch(instigator.cron):
        return f"Hour at :{int(hourly[1]):02}"
    return f"{instigator.cron}, UTC"


def format_last_ticks(instigator: Instigator) -> str:
    """Format the last tick that did something, and the reason if a later one was skipped."""
    last_tick, last_action = instigator.last_tick, instigator.last_action
    if last_tick is None:
        return "Not run yet"
    if last_action is None or last_action.at == last_tick.at:
        return format_tick(last_tick)
    return format_tick(last_action) + _format_note(_describe_skipped(last_tick))


def format_next_tick(instigator: Instigator, minutes: int | None) -> str:
    """Format when it runs next; `minutes` is the interval of a schedule that has one."""
    if not instigator.running:
        return "Stopped"
    at = instigator.next_tick_at
    if minutes:
        step = minutes * MINUTE_MS
        at = floor_ms(now_ms(), step) + step
    if at is None:
        return "Due now"
    when = dates.format_time_until(at)
    if when == "now":
        return "Due now"
    if instigator.cron is None:
        return when.capitalize()
    return f"{when.capitalize()}{_format_note(dates.format_near_instant(at))}"


def format_backfill_state(backfill: BackfillProgress) -> str:
    """Format the status of a backfill."""
    if backfill.status == "REQUESTED" and not backfill.materialized:
        return "Queued"
    return _STATE_TEXTS.get(backfill.status, backfill.status.replace("_", " ").capitalize())


def format_tick(tick: InstigatorTick) -> str:
    """Format the result and time of a tick as HTML."""
    when = dates.format_time_since(tick.at)
    if tick.status == "FAILURE":
        return f'<span class="bad">Failed {when}</span>{_format_note(tick.note or "see Dagster")}'
    if tick.status == "STARTED":
        return f"Running for {when.removesuffix(' ago')}"
    if tick.run_ids:
        return f"{humanize.format_count(len(tick.run_ids), 'run')} {when}"
    return f"Skipped {when}{_format_note(_capitalize(tick.note or ''))}"


def _describe_skipped(tick: InstigatorTick) -> str:
    when = dates.format_time_since(tick.at)
    if tick.status == "STARTED":
        return f"Running for {when.removesuffix(' ago')}"
    return f"{_capitalize(tick.note or 'Skipped')} ({when})"


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


def _format_note(text: str) -> str:
    """Format a smaller line below, shortened."""
    if not text:
        return ""
    note = text if len(text) <= _MAX_NOTE_LENGTH else f"{text[:_MAX_NOTE_LENGTH]}…"
    return f'<span class="note">{escape(note)}</span>'

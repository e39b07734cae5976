"""Readable labels of Dagster's names, states, and ticks."""

from crypto_assets.orchestrator import BackfillProgress, Instigator, InstigatorTick, Kind
from streamlit_app.components import notices
from streamlit_app.format import humanize

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
    "stale_symbols": "While it is stopped, stale symbols send no alerts.",
}
_STATE_TEXTS = {
    "REQUESTED": "In progress",
    "CANCELING": "Canceling",
    "CANCELED": "Canceled",
    "FAILING": "Failing",
    "FAILED": "Failed",
    "COMPLETED_FAILED": "Partially failed",
    "COMPLETED_SUCCESS": "Completed",
    "COMPLETED": "Completed",
}
_MAX_NOTE_LENGTH = 160


def format_instigator_title(instigator: Instigator) -> str:
    """`Ingest` for `ingest_schedule`."""
    return instigator.name.removesuffix("_schedule").replace("_", " ").capitalize()


def explain_stopping(instigator: Instigator) -> str:
    """Explain the effect of stopping a schedule or sensor."""
    return _STOPPING_TEXTS.get(instigator.name, "It does not run until you start it again.")


def format_frequency(instigator: Instigator) -> str:
    """Format the cron expression of a schedule or the interval of a sensor."""
    if instigator.kind is Kind.SENSOR:
        return f"Every {_format_seconds(instigator.interval_seconds or 30)}"
    return f"Cron `{instigator.cron}`, UTC"


def format_tick(tick: InstigatorTick) -> str:
    """Format the result and time of a tick."""
    when = humanize.format_time_since(tick.at)
    if tick.status == "FAILURE":
        return f":red[:material/error: Failed {when}:] {_escape_note(tick.note or 'see Dagster')}"
    if tick.status == "STARTED":
        return f"Started {when}"
    if tick.run_ids:
        runs = "1 run" if len(tick.run_ids) == 1 else f"{len(tick.run_ids)} runs"
        return f":blue[:material/check_circle:] {runs} {when}"
    note = f": {_escape_note(tick.note)}" if tick.note else ""
    return f"Skipped {when}{note}"


def format_backfill_state(backfill: BackfillProgress) -> str:
    """Format the status of a backfill."""
    if backfill.status == "REQUESTED" and not backfill.materialized:
        return "Queued"
    return _STATE_TEXTS.get(backfill.status, backfill.status.replace("_", " ").capitalize())


def _escape_note(text: str) -> str:
    """Shorten a message of Dagster, and escape its Markdown."""
    note = text if len(text) <= _MAX_NOTE_LENGTH else f"{text[:_MAX_NOTE_LENGTH]}…"
    return notices.escape_markdown(note)


def _format_seconds(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min"

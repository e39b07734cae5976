"""Dagster's words for states and outcomes, in a person's."""

from crypto_assets.orchestrator import BackfillProgress, Instigator, InstigatorTick, Kind
from streamlit_app.format import timestamps

_STOPPING_TEXTS = {
    "ingest_schedule": "No new candle comes while it is stopped. Once it is started again, the "
    "next tick brings all that was missed.",
    "order_books_schedule": "A snapshot that is not taken is lost for good: the exchange keeps no "
    "history of order books.",
    "close_day_schedule": "Days are not read again, checked or compared with the exchange while "
    "it is stopped.",
    "maintenance_schedule": "Nothing leaves lake and warehouse while it is stopped: both grow.",
    "symbols": "A symbol that is added gets no partitions, and so no candles, while it is stopped.",
    "run_failures": "Nobody is told of failed runs while it is stopped.",
    "stale_symbols": "Nobody is told of silent symbols while it is stopped.",
}
_STATE_TEXTS = {
    "REQUESTED": "Under way",
    "CANCELING": "Being called off",
    "CANCELED": "Called off",
    "FAILING": "Failing",
    "FAILED": "Failed",
    "COMPLETED_FAILED": "Ended, some failed",
    "COMPLETED_SUCCESS": "Done",
    "COMPLETED": "Done",
}
_MAX_NOTE_LENGTH = 160
_MARKDOWN_ESCAPES = str.maketrans({mark: f"\\{mark}" for mark in "[]$*_`:<"})


def format_instigator_title(instigator: Instigator) -> str:
    """`ingest_schedule` as `Ingest`."""
    return instigator.name.removesuffix("_schedule").replace("_", " ").capitalize()


def explain_stopping(instigator: Instigator) -> str:
    """What it means to stop it."""
    return _STOPPING_TEXTS.get(instigator.name, "It does nothing until it is started again.")


def format_frequency(instigator: Instigator) -> str:
    """`cron 10 0,7 * * *, UTC` of a schedule, `every 15 s` of a sensor."""
    if instigator.kind is Kind.SENSOR:
        return f"Looks every {_format_seconds(instigator.interval_seconds or 30)}"
    return f"Cron `{instigator.cron}`, UTC"


def format_tick(tick: InstigatorTick) -> str:
    """What came of a tick, with its time."""
    when = timestamps.format_time_since(tick.at)
    if tick.status == "FAILURE":
        return (
            f":red[:material/error: Failed {when}:] {_escape_note(tick.note or 'Dagster says why')}"
        )
    if tick.status == "STARTED":
        return f"Ticking since {when}"
    if tick.run_ids:
        runs = "1 run" if len(tick.run_ids) == 1 else f"{len(tick.run_ids)} runs"
        return f":blue[:material/check_circle:] {runs} {when}"
    return f"{when.capitalize()}, nothing to do: {_escape_note(tick.note or 'no reason given')}"


def format_backfill_state(backfill: BackfillProgress) -> str:
    if backfill.status == "REQUESTED" and not backfill.materialized:
        return "Waiting to begin"
    return _STATE_TEXTS.get(backfill.status, backfill.status.replace("_", " ").capitalize())


def _escape_note(text: str) -> str:
    """What Dagster says, without what Markdown would take for its own, and not at any length."""
    shown = text if len(text) <= _MAX_NOTE_LENGTH else f"{text[:_MAX_NOTE_LENGTH]}…"
    return shown.translate(_MARKDOWN_ESCAPES)


def _format_seconds(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min"

"""The backfill form: symbols, days, estimate, and the launch button."""

from datetime import date, timedelta
from functools import partial

import streamlit as st

from crypto_assets.errors import CryptoAssetsError, ExchangeError
from crypto_assets.market.utc_time import day_of, now_ms
from crypto_assets.pipeline.control import admin
from crypto_assets.settings import get_settings
from crypto_assets.warehouse.catalog.app_settings import Author
from streamlit_app import data
from streamlit_app.actions import run_action
from streamlit_app.components import notices
from streamlit_app.data import app_settings, scheduler
from streamlit_app.format import dates, humanize

_SUGGESTED_DAYS = 7


def render_backfill_form(can_write: bool) -> None:
    """Draw the form. Raises WarehouseError."""
    tracked = [symbol.name for symbol in app_settings.query_symbols() if symbol.is_tracked]
    if not tracked:
        st.info("No tracked symbols. Add one on the Settings page.", icon=":material/add:")
        return
    symbols = st.multiselect(
        "Symbols", tracked, placeholder=f"All {len(tracked)} tracked symbols", key="symbols"
    )
    first, last = _render_day_inputs()
    try:
        preview = scheduler.query_backfill_preview(tuple(symbols), first, last)
    except CryptoAssetsError as error:
        st.warning(notices.format_sentence(str(error)), icon=":material/info:")
        return
    _render_estimate(preview)
    if st.button(
        "Launch backfill",
        type="primary",
        icon=":material/rocket_launch:",
        key="launch",
        disabled=not can_write,
    ):
        run_action(partial(_launch_backfill, tuple(symbols), first, last))


def _render_day_inputs() -> tuple[date, date]:
    today, start = _get_today(), get_settings().start_date
    with st.container(horizontal=True):
        first = st.date_input(
            "From (UTC day)",
            max(start, today - timedelta(days=_SUGGESTED_DAYS)),
            min_value=start,
            max_value=today,
            format=dates.INPUT_DAY_FORMAT,
            key="from",
            width=150,
        )
        last = st.date_input(
            "To (UTC day, inclusive)",
            max(start, today - timedelta(days=1)),
            min_value=start,
            max_value=today,
            format=dates.INPUT_DAY_FORMAT,
            key="to",
            width=150,
        )
    return first, last


def _get_today() -> date:
    try:
        return scheduler.get_exchange_day()
    except ExchangeError:
        return day_of(now_ms())


def _render_estimate(preview: scheduler.BackfillPreview) -> None:
    estimate = preview.estimate
    duration = estimate.duration
    time = "unknown" if duration is None else f"about {dates.format_age(duration)}"
    st.markdown(
        f"**{_format_units(estimate.partitions)}**, up to **{estimate.candles:,}** candles, "
        f"**{estimate.requests:,}** requests to the exchange. Estimated time: **{time}**"
    )
    st.caption(
        f"{_explain_estimate(preview)} Stored days are downloaded again, without duplicates."
    )


def _format_units(count: int) -> str:
    """Format a number of days, or of months: those of each symbol count."""
    return humanize.format_count(count, get_settings().partition_unit)


def _explain_estimate(preview: scheduler.BackfillPreview) -> str:
    """Explain what the estimated time is based on."""
    pace = preview.pace
    if pace is None:
        return "No estimate yet: no backfill has finished here."
    measured = "the last backfill" if pace.measured == 1 else f"the last {pace.measured} backfills"
    if preview.estimate.partitions > 3 * pace.largest:
        return f"Rough estimate, based on {measured} of at most {_format_units(pace.largest)}."
    return f"Based on {measured} of at most {_format_units(pace.largest)}."


def _launch_backfill(symbols: tuple[str, ...], first: date, last: date, who: Author) -> str:
    request = scheduler.plan_requested_backfill(symbols, first, last)
    admin.start_backfill(data.get_pipeline_context(), data.get_orchestrator(), request, who)
    return f"Launched: {request.title}. Dagster starts it within 30 seconds."
